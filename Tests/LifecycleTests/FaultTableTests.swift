import Lifecycle
import Testing

@Suite("Fault classes and their table")
struct FaultTableTests {
  /// What each status is; every other one below 500 is the caller's fault, every other one from 500 on the upstream's.
  private static let named: [Int: FaultClass] = [
    401: .key, 402: .account, 403: .account, 404: .place, 407: .key, 408: .notNow, 410: .place, 424: .notNow,
    425: .notNow, 429: .rateLimited, 499: .notNow, 503: .overloaded, 529: .overloaded,
  ]
  /// Where the gateway chose no model these speak of what the caller asked for.
  private static let callers: Set<Int> = [403, 404, 410, 424, 425, 499]

  @Test("every status has its class", arguments: [true, false])
  func statuses(namesModel: Bool) {
    for status in 300...999 {
      var expected = Self.named[status] ?? (status >= 500 ? .upstream : .caller)
      if !namesModel && Self.callers.contains(status) { expected = .caller }
      #expect(FaultClass(status: status, namesModel: namesModel) == expected, "\(status)")
    }
  }

  /// Each row as `docs/failure-modes.md` has it.
  private static let rows: [FaultClass: FaultTable.Reaction] = [
    .caller: [], .contextLength: [], .contentFilter: [], .key: [.otherEndpoint, .nextCandidate],
    .account: [.otherEndpoint, .nextCandidate], .place: [.otherEndpoint, .nextCandidate],
    .notNow: [.otherEndpoint, .nextCandidate], .rateLimited: [.otherEndpoint, .nextCandidate],
    .overloaded: [.otherEndpoint, .nextCandidate], .upstream: [.otherEndpoint, .nextCandidate],
    .noSession: .nextCandidate, .stale: [.sameEndpoint, .otherEndpoint, .nextCandidate],
    .network: [.otherEndpoint, .nextCandidate], .timeout: .nextCandidate,
    .malformed: [.otherEndpoint, .nextCandidate], .incomplete: [.otherEndpoint, .nextCandidate],
  ]

  @Test("each class has its row", arguments: FaultClass.allCases)
  func rows(_ fault: FaultClass) {
    #expect(FaultTable.usual[fault] == Self.rows[fault])
    #expect(FaultTable() == .usual)
    #expect(MemoryLayout<FaultTable>.size == 8 && FaultClass.allCases.count <= 21)
  }

  @Test("a row that a model changes is changed alone", arguments: FaultClass.allCases)
  func changed(_ fault: FaultClass) {
    for fallsBack in [true, false] {
      var table = FaultTable.usual
      table.set(fault, fallsBack: fallsBack)
      #expect(table[fault] == (fallsBack ? FaultTable.usual[fault].union(.nextCandidate) : []))
      for other in FaultClass.allCases where other != fault { #expect(table[other] == FaultTable.usual[other]) }
    }
  }

  @Test("what the client has is ordered: each more than the one before")
  func delivered() {
    #expect(Delivered.allCases == Delivered.allCases.sorted() && Delivered.nothing < .beginnings)
    #expect(Delivered.text < .structured && Delivered.reasoning < .text && Delivered.structured < .finished)
  }
}
