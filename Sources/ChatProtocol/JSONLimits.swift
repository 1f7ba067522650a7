/// Bounds of a JSON scan. The document's length is bounded by whoever reads the body.
public struct JSONLimits: Equatable, Sendable {
  /// What the cursor has room for; a larger `depthMax` is cut to this.
  public static let depthCeiling = 1024

  /// How deep objects and arrays may stand in one another; `{}` has depth 1. The scan is iterative, so this protects
  /// whoever reads the document after us rather than our own stack.
  public let depthMax: Int
  /// Whether half a surrogate pair may stand alone. RFC 8259 section 8.2 lets it; a request with one is refused, for parsers behind us
  /// differ on it; an answer may hold one, because an upstream that cuts its text between UTF-16 units sends the other half with the next
  /// event.
  public let allowsLoneSurrogates: Bool

  /// Limits with the given depth, in 1...`depthCeiling`.
  public init(depthMax: Int = 512, allowsLoneSurrogates: Bool = false) {
    self.depthMax = min(max(depthMax, 1), JSONLimits.depthCeiling)
    self.allowsLoneSurrogates = allowsLoneSurrogates
  }

  /// The limits for what an upstream answers.
  public static let answer = JSONLimits(allowsLoneSurrogates: true)
}
