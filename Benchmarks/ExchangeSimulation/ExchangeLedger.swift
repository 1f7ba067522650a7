/// What others lend to requests, and how often each came back: the world's books, which no request can change.
struct ExchangeLedger {
  enum WaitKind { case lease, admission, more }
  enum WaitState { case open, answered, cancelled }

  struct Session {
    var isOut = true
    /// The upstream's moves and the next of them.
    var moves: [UpstreamMove] = []
    var next = 0
    /// Not read.
    var isHeld = false
    /// A move waits until it is read again.
    var isBlocked = false
  }

  private(set) var grants: [Bool] = []
  var sessions: [Session] = []
  private(set) var waits: [(kind: WaitKind, state: WaitState)] = []
  private(set) var violations: [(ExchangeViolation, String)] = []

  mutating func grant() -> Int {
    grants.append(true)
    return grants.count - 1
  }

  mutating func settle(_ grant: Int) {
    if !grants[grant] { violations.append((.grantSettledTwice, "grant \(grant)")) }
    grants[grant] = false
  }

  mutating func lend() -> Int {
    sessions.append(Session())
    return sessions.count - 1
  }

  /// Given back to be used again, or discarded.
  mutating func takeBack(_ session: Int) {
    if !sessions[session].isOut { violations.append((.sessionReturnedTwice, "session \(session)")) }
    sessions[session].isOut = false
  }

  mutating func wait(_ kind: WaitKind) -> Int {
    waits.append((kind, .open))
    return waits.count - 1
  }

  mutating func end(_ wait: Int, _ state: WaitState) {
    if waits[wait].state != .open { violations.append((.waitEndedTwice, "wait \(wait)")) }
    waits[wait].state = state
  }

  /// What has not come back when all is over.
  var losses: [(ExchangeViolation, String)] {
    grants.indices.filter { grants[$0] }.map { (.grantLost, "grant \($0)") }
      + sessions.indices.filter { sessions[$0].isOut }.map { (.sessionLost, "session \($0)") }
      + waits.indices.filter { waits[$0].state == .open }.map { (.waitLost, "wait \($0)") }
  }
}
