/// Which upstream is tried next when one fails: the decisions of a request's attempts, without any effect.
///
/// Before the client has content a request can be replayed: the same bytes sent to another candidate give an answer of which the client cannot tell
/// that it was not the first. Once it has content, another answer would be another text: the stream ends with an error.
struct AttemptPlan: Equatable {
  /// Why an attempt failed.
  enum Failure: Equatable {
    /// No session: the pool's queue or every endpoint refused.
    case noSession
    /// A kept session turned out dead before the first byte of the answer.
    case staleSession
    /// The connection broke, or the answer was not HTTP.
    case broken
    /// No content within the first-token or total time-out.
    case timedOut
    /// An answer that says "not here, not now": 408, 429 or 5xx, or an error in place of the first event.
    case refusedByUpstream
  }

  /// What is to be done.
  enum Step: Equatable {
    /// The same candidate again over a new connection; `avoidingEndpoint`: another endpoint of it.
    case again(avoidingEndpoint: Bool)
    /// The next candidate.
    case next
    /// Tell the client.
    case giveUp
  }

  /// How many candidates the route has.
  let candidateCount: Int
  /// The candidate in use.
  private(set) var candidate = 0
  /// Attempts begun so far.
  private(set) var attempts = 0
  private var retriedStale = false
  private var triedOtherEndpoint = false

  init(candidateCount: Int) { self.candidateCount = candidateCount }

  /// An attempt begins.
  mutating func began() { attempts += 1 }

  /// Decides after a failure.
  ///
  /// - Parameters:
  ///   - clientHasContent: whether anything but the answer's beginnings has been sent to the client.
  ///   - otherEndpoints: whether the candidate's upstream has further endpoints.
  mutating func failed(_ failure: Failure, clientHasContent: Bool, otherEndpoints: Bool) -> Step {
    guard !clientHasContent else { return .giveUp }
    if failure == .staleSession && !retriedStale {
      retriedStale = true
      return .again(avoidingEndpoint: false)
    }
    // The pool has already tried the other endpoints when it has no session.
    if otherEndpoints && !triedOtherEndpoint && failure != .noSession && failure != .timedOut {
      triedOtherEndpoint = true
      return .again(avoidingEndpoint: true)
    }
    return skipped() ? .next : .giveUp
  }

  /// Whether there is another candidate.
  var hasNext: Bool { candidate + 1 < candidateCount }

  /// The candidate in use is done with, or may not be used; false when it was the last.
  mutating func skipped() -> Bool {
    guard hasNext else { return false }
    candidate += 1
    retriedStale = false
    triedOtherEndpoint = false
    return true
  }

  /// Whether a failure now would lead anywhere but to the client.
  func hasAlternative(otherEndpoints: Bool) -> Bool {
    hasNext || (otherEndpoints && !triedOtherEndpoint)
  }

  /// Whether a status means "not here, not now", so that another candidate may do better. Other errors are the caller's.
  static func isRefusal(_ status: Int) -> Bool {
    status == 408 || status == 429 || status >= 500
  }
}
