/// Bounds of a JSON scan. The document's length is bounded by whoever reads the body.
public struct JSONLimits: Equatable, Sendable {
  /// What the cursor has room for; a larger `depthMax` is cut to this.
  public static let depthCeiling = 1024

  /// How deep objects and arrays may stand in one another; `{}` has depth 1. The scan is iterative, so this protects
  /// whoever reads the document after us rather than our own stack.
  public let depthMax: Int

  /// Limits with the given depth, in 1...`depthCeiling`.
  public init(depthMax: Int = 512) {
    self.depthMax = min(max(depthMax, 1), JSONLimits.depthCeiling)
  }
}
