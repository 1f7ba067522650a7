import Testing

@testable import Reactor
import TestKit

/// The wheel against a list that is searched from end to end.
private struct Rig {
  static let tick = TimerWheel<Int>.tickNanoseconds
  var wheel: TimerWheel<Int>
  var now: UInt64
  var names: [Int: TimerWheel<Int>.TimerID] = [:]
  /// By number: the tick at which it has to fire.
  var model: [Int: UInt64] = [:]
  var spent: [TimerWheel<Int>.TimerID] = []
  var nextNumber = 0

  init(now: UInt64) {
    self.now = now
    wheel = TimerWheel(now: MonotonicTime(nanoseconds: now))
  }

  @discardableResult
  mutating func start(at deadline: UInt64) -> Int {
    let number = nextNumber
    nextNumber += 1
    names[number] = wheel.start(at: MonotonicTime(nanoseconds: deadline), number)
    let exact = deadline / Self.tick + (deadline % Self.tick == 0 ? 0 : 1)
    model[number] = max(exact, now / Self.tick + 1)
    return number
  }

  mutating func cancel(_ number: Int) {
    guard let name = names.removeValue(forKey: number) else { return }
    #expect(wheel.cancel(name) == number)
    #expect(wheel.cancel(name) == nil)
    model[number] = nil
    spent.append(name)
  }

  /// Moves on and compares who fires. Gives back the numbers in firing order.
  @discardableResult
  mutating func advance(to time: UInt64, sourceLocation: SourceLocation = #_sourceLocation) -> [Int] {
    now = time
    wheel.advance(to: MonotonicTime(nanoseconds: time))
    var fired: [Int] = []
    while let number = wheel.takeDue() { fired.append(number) }
    let expected = model.filter { $0.value <= time / Self.tick }
    #expect(Set(fired) == Set(expected.keys), sourceLocation: sourceLocation)
    #expect(fired.count == expected.count, sourceLocation: sourceLocation)
    let ticks = fired.compactMap { model[$0] }
    #expect(ticks == ticks.sorted(), "not in the order of ticks", sourceLocation: sourceLocation)
    for number in fired {
      model[number] = nil
      if let name = names.removeValue(forKey: number) { spent.append(name) }
    }
    #expect(wheel.count == model.count, sourceLocation: sourceLocation)
    return fired
  }
}

@Suite("Timer wheel")
struct TimerWheelTests {
  static let tick = TimerWheel<Int>.tickNanoseconds

  @Test("a timer fires at its deadline's tick: never before, at most a tick after")
  func neverEarly() {
    for offset in [UInt64(1), 2, Self.tick - 1, Self.tick, Self.tick + 1, 5 * Self.tick, 300 * Self.tick + 7] {
      var rig = Rig(now: 1_000_003)
      let deadline = 1_000_003 + offset
      rig.start(at: deadline)
      #expect(rig.advance(to: deadline - 1).isEmpty, "early at offset \(offset)")
      #expect(rig.advance(to: deadline + Self.tick) == [0], "late at offset \(offset)")
    }
  }

  @Test("a deadline in the past fires at the next tick")
  func past() {
    var rig = Rig(now: 10 * Self.tick)
    rig.start(at: 0)
    #expect(rig.advance(to: 10 * Self.tick).isEmpty)
    #expect(rig.advance(to: 11 * Self.tick) == [0])
  }

  @Test("deadlines around every level's edge fire in time, from starts around every edge")
  func levelEdges() {
    let edges: [UInt64] = [1 << 8, 1 << 14, 1 << 16, 1 << 20, 1 << 26, 1 << 32]
    for start in edges.flatMap({ [$0 - 256, $0 - 2, $0 - 1, $0, $0 + 1, $0 + 255] }) {
      var rig = Rig(now: start * Self.tick)
      for distance in [UInt64(1), 2, 254, 255, 256, 257, 511, 512, 513, 16_127, 16_128, 16_383, 16_384, 16_385, 16_640]
      {
        rig.start(at: (start + distance) * Self.tick)
      }
      while let wake = rig.wheel.nextWake {
        let before = rig.now
        #expect(wake.nanoseconds > before)
        rig.advance(to: wake.nanoseconds)
      }
      #expect(rig.model.isEmpty)
    }
  }

  @Test("a deadline on the third and fourth level fires at its very tick")
  func farDeadlines() {
    var rig = Rig(now: ((1 << 20) - 77) * Self.tick)
    let start = rig.now / Self.tick
    let distances: [UInt64] = [
      (1 << 14) + 3, (1 << 18) + 11, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (1 << 20) + 16_500,
    ]
    for distance in distances { rig.start(at: (start + distance) * Self.tick) }
    for distance in distances {
      rig.advance(to: (start + distance) * Self.tick - 1)
      #expect(rig.advance(to: (start + distance) * Self.tick).count == 1)
    }
  }

  @Test("a timer that never comes costs nothing and can be cancelled")
  func never() {
    var rig = Rig(now: 12_345)
    let number = rig.start(at: .max)
    rig.advance(to: 5_000 * Self.tick)
    rig.cancel(number)
    #expect(rig.wheel.nextWake == nil)
  }

  @Test("after a long idle time an empty wheel is at once up to date")
  func idleGap() {
    var rig = Rig(now: 0)
    let year: UInt64 = 365 * 86_400 * 1_000_000_000
    rig.advance(to: year)
    rig.start(at: year + 10 * Self.tick)
    rig.advance(to: year + 9 * Self.tick)
    #expect(rig.advance(to: year + 10 * Self.tick) == [0])
  }

  @Test("a long stall fires everything that came due in it, in order")
  func stall() {
    var rig = Rig(now: 0)
    for number in 1...500 { rig.start(at: UInt64(number * 37 % 500) * 100 * Self.tick) }
    #expect(rig.advance(to: 60_000 * Self.tick).count == 500)
  }

  @Test("a due timer can be cancelled until it is taken")
  func cancelDue() {
    var wheel = TimerWheel<Int>(now: MonotonicTime(nanoseconds: 0))
    let names = (0..<4).map { wheel.start(at: MonotonicTime(nanoseconds: Self.tick), $0) }
    wheel.advance(to: MonotonicTime(nanoseconds: Self.tick))
    guard let first = wheel.takeDue() else {
      Issue.record("nothing is due")
      return
    }
    let others = (0..<4).filter { $0 != first }
    #expect(wheel.cancel(names[others[0]]) == others[0])
    #expect(wheel.cancel(names[others[2]]) == others[2])
    #expect(wheel.takeDue() == others[1])
    #expect(wheel.takeDue() == nil)
    #expect(wheel.count == 0)
    // The list is whole after its last entry was cancelled.
    let late = wheel.start(at: MonotonicTime(nanoseconds: 2 * Self.tick), 9)
    wheel.advance(to: MonotonicTime(nanoseconds: 2 * Self.tick))
    #expect(wheel.takeDue() == 9)
    #expect(wheel.cancel(late) == nil)
  }

  @Test("a spent name never cancels the timer that took its place")
  func spentNames() {
    var wheel = TimerWheel<Int>(now: MonotonicTime(nanoseconds: 0))
    let old = wheel.start(at: MonotonicTime(nanoseconds: 100), 1)
    #expect(wheel.cancel(old) == 1)
    _ = wheel.start(at: MonotonicTime(nanoseconds: 100), 2)
    #expect(wheel.cancel(old) == nil)
    #expect(wheel.count == 1)
  }

  @Test("random schedules agree with a naive list", arguments: Array(1...40) as [UInt64])
  func againstModel(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var rig = Rig(now: UInt64.random(in: 0...(1 << 40), using: &random))
    for _ in 0..<400 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        let bits = UInt64.random(in: 0...37, using: &random)
        rig.start(at: rig.now &+ UInt64.random(in: 0...(1 << bits), using: &random))
      case 5, 6:
        if let number = rig.names.keys.sorted().randomElement(using: &random) { rig.cancel(number) }
      case 7:
        if let wake = rig.wheel.nextWake { rig.advance(to: max(wake.nanoseconds, rig.now)) }
      case 8:
        rig.advance(to: rig.now + UInt64.random(in: 0...(1 << 24), using: &random))
      default:
        rig.advance(to: rig.now + UInt64.random(in: 0...(1 << 33), using: &random))
      }
      if let name = rig.spent.randomElement(using: &random) { #expect(rig.wheel.cancel(name) == nil) }
      if let earliest = rig.model.values.min() {
        #expect((rig.wheel.nextWake ?? .never).nanoseconds / Self.tick <= earliest, "it would sleep past a deadline")
      }
    }
  }
}
