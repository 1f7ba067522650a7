import Reactor
import Testing

@testable import Upstreams

@Suite("Small parts of the pools")
struct SmallPartsTests {
  @Test("Backoff doubles from 100 ms to its bound; jitter takes off up to a fifth")
  func delays() {
    let plain = (1...9).map {
      EndpointAvailability.delayNanoseconds(failures: $0, isLone: false, jitter: 0) / 1_000_000
    }
    #expect(plain == [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
    let lone = (1...6).map { EndpointAvailability.delayNanoseconds(failures: $0, isLone: true, jitter: 0) / 1_000_000 }
    #expect(lone == [100, 200, 400, 800, 1_000, 1_000])
    #expect(EndpointAvailability.delayNanoseconds(failures: 1, isLone: false, jitter: 255) == 80_000_000)
    #expect(EndpointAvailability.delayNanoseconds(failures: .max, isLone: false, jitter: 0) == 10_000_000_000)
  }

  @Test("More than four restarts in ten seconds escalate; slower ones never do")
  func intensity() {
    var intensity = RestartIntensity()
    var now = MonotonicTime(nanoseconds: 1)
    for delay in [100, 200, 400, 800] {
      #expect(intensity.failed(now) == .restart(after: .milliseconds(delay)))
      // A further fault of the same moment.
      #expect(intensity.failed(now + .milliseconds(49)) == .restart(after: .milliseconds(delay)))
      now = now + .seconds(1)
    }
    #expect(intensity.failed(now) == .escalate)
    for _ in 0..<20 {
      now = now + .seconds(11)
      #expect(intensity.failed(now) == .restart(after: .milliseconds(100)))
    }
  }

  @Test("The waiting line keeps order through any leaving")
  func line() {
    for seed in 0..<200 as Range<UInt64> {
      var random = Seeded(seed)
      var line = WaitingLine()
      var model: [(id: LeaseID, isFresh: Bool)] = []
      for _ in 0..<400 {
        switch Int.random(in: 0..<5, using: &random) {
        case 0, 1:
          let isFresh = random.chance(20)
          model.append(
            (line.append(deadline: .never, isFresh: isFresh, occupiesQueue: true), isFresh))
        case 2:
          let isNew = random.chance(50)
          let expected = model.firstIndex { isNew || !$0.isFresh }
          #expect(line.takeFirst(isNew: isNew)?.id == expected.map { model[$0].id }, "seed \(seed)")
          if let expected { model.remove(at: expected) }
        case 3:
          guard let victim = model.indices.randomElement(using: &random) else { continue }
          let id = model.remove(at: victim).id
          #expect(line.remove(id)?.id == id, "seed \(seed)")
          #expect(line.remove(id) == nil, "seed \(seed)")
        default:
          #expect(line.first?.id == model.first?.id, "seed \(seed)")
        }
        #expect(line.count == model.count, "seed \(seed)")
      }
    }
  }

  @Test("A connect tries the address that worked last first, and gives each a share of the time")
  func attempt() throws {
    let addresses = try ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map {
      try #require(SocketAddress(literal: $0, port: 80))
    }
    let start = MonotonicTime(nanoseconds: 0)
    var attempt = ConnectAttempt(
      endpoint: 0, addresses: addresses, preferred: addresses[2], deadline: start + .seconds(3))
    var tried: [SocketAddress] = []
    var deadlines: [UInt64] = []
    while let (address, deadline) = attempt.takeNext(start) {
      tried.append(address)
      deadlines.append(deadline.nanoseconds / 1_000_000)
    }
    #expect(tried == [addresses[2], addresses[0], addresses[1]])
    #expect(deadlines == [1_000, 1_500, 3_000])
    var late = ConnectAttempt(endpoint: 0, addresses: addresses, preferred: nil, deadline: start)
    #expect(late.takeNext(start)?.0 == nil)
  }
}
