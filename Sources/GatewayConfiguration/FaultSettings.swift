/// What goes wrong with an attempt, by the names of the classes of `FaultClass`, and what a model's `onFault` may say of it.
public enum FaultName: String, CaseIterable, Hashable, Sendable {
  case caller, contextLength, contentFilter, key, account, place, notNow, rateLimited, overloaded, upstream, noSession,
    stale, network, timeout, malformed, incomplete

  /// What is done where a model says nothing.
  public var usual: FaultPolicy {
    switch self {
    case .caller, .contextLength, .contentFilter: .answer
    case .key, .account, .place, .notNow, .rateLimited, .overloaded, .upstream, .noSession, .stale, .network, .timeout,
      .malformed, .incomplete:
      .next
    }
  }

  /// What it is, in words for the reference.
  public var sentence: String {
    switch self {
    case .caller: "The request itself is refused: 400, 413, 422 and other 4xx."
    case .contextLength: "The prompt is longer than the model takes."
    case .contentFilter: "The upstream's content filter refuses."
    case .key: "The gateway's own key is refused: 401, 407."
    case .account: "The gateway's account may not, or has nothing left: 402, 403."
    case .place: "The upstream has no such model or deployment: 404, 410."
    case .notNow: "The upstream could not do it this time: 408, 424, 425, 499."
    case .rateLimited: "Too many requests or tokens for the gateway's account: 429."
    case .overloaded: "The upstream has too much to do: 503, 529."
    case .upstream: "The upstream failed: another 5xx, or an error inside its stream."
    case .noSession: "No session: the pool is full, or no endpoint can be connected."
    case .stale: "A kept connection turned out dead before the answer's first byte."
    case .network: "The connection broke, or the answer was not HTTP."
    case .timeout: "No content in time."
    case .malformed: "A success that is none: HTML, nothing, an error object."
    case .incomplete: "The answer ended before its end."
    }
  }
}

/// Who is asked, or told, after a fault.
public enum FaultPolicy: String, CaseIterable, Sendable {
  /// Another candidate, while there is one and the client has nothing of the answer.
  case next
  /// Nobody: the caller is told.
  case answer
}

/// A model's own rows of the table of faults.
public struct FaultPolicies: Sendable, Equatable {
  private var own: [FaultName: FaultPolicy] = [:]

  /// The usual ones.
  public init() {}

  /// What is done after a fault of that name.
  public subscript(name: FaultName) -> FaultPolicy {
    get { own[name] ?? name.usual }
    set { own[name] = newValue == name.usual ? nil : newValue }
  }

  /// What differs from the usual.
  public var changes: [FaultName: FaultPolicy] { own }

  static let section = ConfigurationSection<FaultPolicies>(
    fields: FaultName.allCases.map { name in
      .value(name.rawValue, \FaultPolicies[name], .choice, default: FaultPolicies(), name.sentence)
    })
}
