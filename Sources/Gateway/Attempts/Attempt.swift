internal import ChatProtocol
internal import GatewayConfiguration
internal import Lifecycle
internal import Quotas
internal import Reactor
internal import Routing
internal import TokenAccounting
internal import Transport
internal import Upstreams

/// One try with one candidate: where it goes and what it holds there.
struct Attempt {
  let candidate: Candidate
  let upstream: UpstreamRuntime
  /// How the candidate's model is counted.
  let tokens: ModelTokens
  /// The model's name at the upstream.
  let servedModel: String
  /// What limits and prices know the model by.
  var limitedModel = ""
  /// The permission of the limits; nil where nothing is limited.
  var grant: LimitGrant?
  /// A wait for limits under way.
  var limitWait: LimitWaitID?
  var leaseWait: LeaseID?
  var session: UpstreamSession?
  var sessionWasKept = false
  /// The endpoint in use, or the last one; also when its session is gone.
  var endpoint: Int?

  init(_ candidate: Candidate, _ snapshot: GatewaySnapshot, askedModel: String) {
    self.candidate = candidate
    upstream = snapshot.upstreams[candidate.upstreamIndex]
    tokens = snapshot.tokens(of: candidate)
    servedModel = candidate.upstreamModel.map { String(decoding: $0, as: UTF8.self) } ?? askedModel
  }

  /// The most tokens that one answer of the candidate's model can have.
  var outputMax: Int { tokens.outputMax ?? ModelOutputLimit.tokens(forModel: servedModel) }

  /// Whether the upstream has endpoints besides the one in use.
  var hasOtherEndpoints: Bool { upstream.settings.endpoints.count > 1 }

  /// How a bound on the answer is called that the request does not have.
  func tokenBound(on surface: Surface) -> TokenBound? {
    guard surface == .chatCompletions else { return surface.tokenBound }
    // OpenAI's reasoning models take only the later name wherever they are served, and its others take both from OpenAI and Azure, where names tell nothing.
    let provider = upstream.settings.provider.name
    let takesLaterName =
      provider == "openai" || provider == "azure" || ModelOutputLimit.takesCompletionBoundOnly(servedModel)
    return takesLaterName ? .maxCompletionTokens : .maxTokens
  }

  /// How long it may take.
  func times(_ image: inout RequestImage) -> AttemptTimes {
    var times = upstream.times
    times.isStream = image.wantsStream
    times.showsLife = image.wantsStream && image.surface.takesComments
    return times
  }

  /// Gives back what it holds of the pool.
  mutating func letGo(_ possessions: Possessions, _ outcome: SessionOutcome, on reactor: Reactor) {
    let pool = upstream.pools[reactor.index]
    if possessions.contains(.leaseWait), let wait = leaseWait {
      pool.assumeIsolated { $0.cancel(wait) }
      leaseWait = nil
    }
    if possessions.contains(.session), let session {
      session.abandon()
      pool.assumeIsolated { $0.discard(session, outcome) }
      self.session = nil
    }
  }
}
