internal import ChatProtocol
internal import HTTPWire
internal import Routing

/// What was asked, as it is known once head and body have been read: read by every attempt, changed by none.
struct RequestImage {
  // The head.
  var surface = Surface.unknown
  var method = HTTPMethod.post
  var isHTTP10 = false
  /// The consumer's place in the settings; nil for the anonymous one.
  var consumer: Int?
  var consumerName = ""
  /// The path and query behind `/v1` or `/v2`, without credentials; empty for the surface's usual one.
  var target: [UInt8] = []
  /// Whether the path began with `/v2`.
  var isSecondVersion = false
  /// The client's header fields that go upstream, ready for the wire.
  var forwardedFields: [UInt8] = []
  var content = ContentKind.none
  /// The digest of a key that was presented where none is known; nil otherwise.
  var unknownKey: KeyDigestWords?
  /// What limits are by, of the head; nil when nothing of it is.
  var headFacts: HeadFacts?
  /// What `routes` say of the path; `none` where they were not asked.
  var pathVerdict = PathRoutes.Verdict.none
  /// Models that the path names, where it goes by a route.
  var pathModels: [String] = []

  // The body.
  /// The model by its public name; empty where none was asked for.
  var model = ""
  var wantsStream = false
  var wantsUsage = false
  /// Answers asked for; the scanner has bounded it.
  var choiceCount = 1
  /// Answers that are generated for them.
  var generatedCount = 1
  /// The caller's bound on one answer.
  var tokensMax: Int?
  /// Until the answer has content, and while its prompt may have to be counted.
  var body: RequestBody?

  /// Where it may go, in order.
  var candidates: [Candidate] = []

  /// The request's path, without query and keys.
  var path: String {
    (isSecondVersion ? "/v2" : "/v1") + String(decoding: target.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
  }

  /// Whether it is for a model that the gateway chose there: what else is passed through is the caller's own affair.
  var namesModel: Bool { !model.isEmpty && method == .post }

  /// Whether doing it twice is as good as once: inference changes nothing but the bill, other endpoints create files and start batches
  /// (RFC 9110 section 9.2.2).
  var isRepeatable: Bool { surface != .byRoute || (method != .post && method != .patch) }

  /// How the request is charged whose prompt is not counted; nil where it is.
  var charge: RequestCharge? { surface.promptShape == nil ? RequestCharge.of(method, target) : nil }

  /// The path as limits know it: the endpoint's, or that of the configured route.
  func routeName(_ routes: PathRoutes) -> String {
    if let path = surface.path { return "\(path)" }
    if case .route(let index) = pathVerdict { return routes[index].name }
    return path
  }
}
