/// One way to serve a request: an upstream and the model's name there.
public struct Candidate: Sendable, Hashable {
  /// The upstream's place in ``GatewaySettings/upstreams``.
  public let upstreamIndex: Int
  /// The name to send; nil sends the name that was asked for, so that the body need not be edited.
  public let upstreamModel: [UInt8]?
  /// The place in ``GatewaySettings/models`` of the model that lists this way, which for a fallback is not the asked one; nil for
  /// `provider/model`.
  public let modelIndex: Int?

  /// A way from its parts.
  public init(upstreamIndex: Int, upstreamModel: [UInt8]?, modelIndex: Int?) {
    self.upstreamIndex = upstreamIndex
    self.upstreamModel = upstreamModel
    self.modelIndex = modelIndex
  }
}

/// Where the requests for one name go. A class, so that handing one out costs a reference count and no allocation.
public final class Route: Sendable {
  /// The name that was asked for; answers bear it, whoever serves them.
  public let publicName: String
  /// The place in ``GatewaySettings/models`` of the entry that took the name; nil for `provider/model`.
  public let modelIndex: Int?
  /// Ways to serve it, best first: the entry's own, then its fallbacks' with theirs; never empty, no way twice.
  public let candidates: [Candidate]
  /// Whether the name stands in the configuration, as a name or an alias; false for one that a client made up and a pattern took.
  public let isListed: Bool

  init(publicName: String, modelIndex: Int?, candidates: [Candidate], isListed: Bool = false) {
    self.isListed = isListed
    self.publicName = publicName
    self.modelIndex = modelIndex
    self.candidates = candidates
  }
}

/// An entry of `/v1/models`.
public struct ModelListing: Sendable, Hashable {
  /// The name to ask for.
  public let id: String
  /// The `owned_by`.
  public let ownedBy: String
}

/// Why settings cannot be routed by. Settings that ``GatewaySettings/parse(_:fileName:variables:hashKey:)`` gave never cause it;
/// settings put together in code may.
public enum RoutingError: Error, Sendable, Equatable {
  /// A model is served by an upstream that does not exist.
  case unknownUpstream(model: String, upstream: String)
  /// A model falls back to one that does not exist.
  case unknownFallback(model: String, fallback: String)
  /// A model's regular expression is none.
  case invalidPattern(model: String)
}
