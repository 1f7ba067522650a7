import Quotas
import RateLimiting
import Testing

@testable import Gateway

@Suite("What is told of limits' changes")
struct LimitStatesTests {
  @Test("that the store is away is told by the first reactor that sees it, its return by the last")
  func store() {
    var states = LimitStates()
    #expect(states.note(.store(.present), from: 0) == nil)
    #expect(states.note(.store(.away), from: 1) == .store(.away))
    #expect(states.note(.store(.away), from: 0) == nil)
    #expect(states.note(.store(.away), from: 1) == nil)
    #expect(states.note(.store(.present), from: 1) == nil)
    #expect(states.note(.store(.present), from: 1) == nil)
    #expect(states.note(.store(.present), from: 0) == .store(.present))
    #expect(states.note(.store(.away), from: 0) == .store(.away))
  }

  @Test("each limit's change is told once, whichever reactors follow")
  func limits() {
    var states = LimitStates()
    #expect(states.note(.limit(name: "a", .local), from: 0) == .limit(name: "a", .local))
    #expect(states.note(.limit(name: "b", .closed), from: 0) == .limit(name: "b", .closed))
    #expect(states.note(.limit(name: "a", .local), from: 1) == nil)
    #expect(states.note(.limit(name: "a", .present), from: 0) == nil)
    #expect(states.note(.limit(name: "b", .present), from: 0) == .limit(name: "b", .present))
    #expect(states.note(.limit(name: "a", .present), from: 1) == .limit(name: "a", .present))
    #expect(states.note(.limit(name: "a", .present), from: 1) == nil)
  }

  @Test("a limit that was taken away while the store was is told of again when the store goes the next time")
  func removedMeanwhile() {
    var states = LimitStates()
    for reactor in 0...1 {
      _ = states.note(.store(.away), from: reactor)
      _ = states.note(.limit(name: "a", .local), from: reactor)
    }
    // Nothing more is heard of it: it is gone when the store comes back.
    for reactor in 0...1 { _ = states.note(.store(.present), from: reactor) }
    #expect(states.note(.store(.away), from: 0) == .store(.away))
    #expect(states.note(.limit(name: "a", .open), from: 0) == .limit(name: "a", .open))
    #expect(states.note(.store(.away), from: 1) == nil)
    #expect(states.note(.limit(name: "a", .open), from: 1) == nil)
    #expect(states.note(.limit(name: "a", .present), from: 0) == nil)
    #expect(states.note(.limit(name: "a", .present), from: 1) == .limit(name: "a", .present))
  }
}
