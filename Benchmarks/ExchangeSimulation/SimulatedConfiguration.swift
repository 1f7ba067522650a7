import Lifecycle
import TestKit

/// One of a request's candidates.
struct SimulatedCandidate {
  var endpoints: Int
  var times: AttemptTimes
  /// The total time in milliseconds, of `times`.
  var totalMilliseconds: Int
  /// The most that an upstream may be silent, of `times`, or ``ExchangeMachine/endGrace``.
  var silenceMilliseconds: Int

  static func random(isStream: Bool, showsLife: Bool, _ generator: inout SeededGenerator) -> SimulatedCandidate {
    let firstToken = generator.oneOf([40, 500, 13_000, 13_000])
    let answer = firstToken + generator.oneOf([0, 200, 3_000])
    let betweenTokens = generator.oneOf([40, 500, 13_000, 13_000])
    let total = generator.oneOf([200, 6_000, 40_000, 40_000, 120_000, 120_000])
    let times = AttemptTimes(
      answer: .milliseconds(UInt64(answer)), firstToken: .milliseconds(UInt64(firstToken)),
      betweenTokens: .milliseconds(UInt64(betweenTokens)), total: .milliseconds(UInt64(total)), isStream: isStream,
      showsLife: showsLife)
    return SimulatedCandidate(
      endpoints: generator.int(in: 1...3), times: times, totalMilliseconds: total,
      silenceMilliseconds: max(answer, betweenTokens, Int(ExchangeMachine.endGrace.nanoseconds / 1_000_000)))
  }

  /// Nothing is too late for seconds.
  mutating func isPatient() {
    let patience = Span.milliseconds(20_000)
    (times.answer, times.firstToken, times.betweenTokens) = (patience, patience, patience)
    times.total = .milliseconds(120_000)
    (totalMilliseconds, silenceMilliseconds) = (120_000, 20_000)
  }
}

/// What a request finds when it begins, and keeps.
struct SimulatedConfiguration {
  /// Which of those that a reload brings.
  var version = 0
  var candidates: [SimulatedCandidate]
  var table = FaultTable.usual

  static func random(
    candidates count: Int, isStream: Bool, showsLife: Bool, _ generator: inout SeededGenerator
  ) -> SimulatedConfiguration {
    var configuration = SimulatedConfiguration(
      candidates: (0..<count).map { _ in .random(isStream: isStream, showsLife: showsLife, &generator) })
    if generator.int(in: 0...2) == 0 {
      for fault in FaultClass.allCases where generator.int(in: 0...2) == 0 {
        configuration.table.set(fault, fallsBack: generator.int(in: 0...3) > 0)
      }
    }
    return configuration
  }
}
