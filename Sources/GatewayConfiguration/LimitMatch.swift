/// Which requests something is for: those for which every condition holds; without conditions, all.
public struct LimitMatch: Sendable, Equatable {
  /// Conditions that must all hold.
  public var conditions: [LimitCondition]

  /// A match from its conditions.
  public init(_ conditions: [LimitCondition] = []) { self.conditions = conditions }
}

/// One condition on a request: the value of its subject matches one of the patterns. A request without the value does not.
public struct LimitCondition: Sendable, Equatable {
  /// What is looked at.
  public var subject: LimitSubject
  /// One of these must match; never empty.
  public var patterns: [LimitPattern]

  /// A condition from its parts.
  public init(_ subject: LimitSubject, _ patterns: [LimitPattern]) {
    self.subject = subject
    self.patterns = patterns
  }
}

/// Which values of a subject are meant. The more specific goes first: exact text, the longer network, the longer prefix, a regular
/// expression, any.
public enum LimitPattern: Sendable, Hashable {
  /// This value, letter case included.
  case exact(String)
  /// An address in this block; only for ``LimitSubject/client``.
  case network(CIDR)
  /// Values that begin so; not empty.
  case prefix(String)
  /// Values that the expression (a ``ModelPattern``) matches as a whole.
  case regex(String)
  /// Any value.
  case any

  /// Whether it takes the value. It compiles a regular expression anew: for checks, not for requests.
  public func matches(_ value: String) -> Bool { matcher(value) }

  /// The same for many values.
  var matcher: (String) -> Bool {
    switch self {
    case .exact(let text): return { $0 == text }
    case .network(let block): return { IPAddress($0).map(block.contains) ?? false }
    case .prefix(let text): return { $0.utf8.starts(with: text.utf8) }
    case .regex(let text):
      let pattern = try? ModelPattern(text)
      return { pattern?.matches($0.utf8) ?? false }
    case .any: return { _ in true }
    }
  }
}
