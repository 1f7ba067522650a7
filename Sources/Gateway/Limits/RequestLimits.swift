internal import ChatProtocol
internal import GatewayConfiguration
internal import Quotas
internal import RateLimiting
internal import Routing
internal import TokenAccounting

/// What a request asks of the limits, and what they have said to it.
struct RequestLimits {
  /// What is waited for.
  var waiting: LimitRequest?
  /// Of the limits that refused candidates, the one that is over soonest.
  private(set) var refusal: LimitRefusal?
  /// How the limits stood that refused it last.
  private(set) var refusedViews: LimitViews?
  /// The limit at which the answer ends in a moment, unless it ends by itself.
  var lastRefusal: LimitRefusal?
  /// Tokens that the request takes by its endpoint's rule, where nobody counts them; 0 where they are counted.
  var ruledTokens = 0
  /// Pictures that were asked for.
  var picturesAsked = 1
  /// Pictures that the answer brought.
  var picturesMade = 0

  /// A limit has refused the candidate in use.
  ///
  /// - Returns: the refusal that ends soonest of all so far.
  mutating func refused(_ refusal: LimitRefusal, _ views: LimitViews?) -> LimitRefusal {
    refusedViews = views
    let soonest = self.refusal.flatMap { $0.retryAfterMilliseconds <= refusal.retryAfterMilliseconds ? $0 : nil }
    self.refusal = soonest ?? refusal
    return soonest ?? refusal
  }

  /// What an attempt asks, but for its prompt.
  mutating func request(
    _ image: inout RequestImage, _ attempt: inout Attempt, hasNext: Bool, _ snapshot: GatewaySnapshot
  ) -> LimitRequest {
    let entry = attempt.candidate.modelIndex.map { snapshot.limitedModels[$0] }
    // An entry for many names is limited by the one that was asked for.
    let model = entry.flatMap { $0.isPattern ? nil : $0.name } ?? image.model
    let facts = RequestFacts(
      consumer: image.consumerName, model: model.isEmpty ? nil : model, upstream: attempt.upstream.name,
      route: snapshot.factsWanted.wantsRoute ? image.routeName(snapshot.pathRoutes) : nil, head: image.headFacts)
    attempt.limitedModel = entry?.name ?? model
    return LimitRequest(
      facts: facts, model: attempt.limitedModel, promptTokens: 0, expectedOutput: image.surface.answersText ? nil : 0,
      maxTokens: image.tokensMax, choices: image.generatedCount, hasAlternative: hasNext,
      isOnePiece: image.surface.answersText && !image.wantsStream, outputMax: attempt.outputMax)
  }

  /// What an endpoint takes whose tokens nobody counts. It may turn out to be less: what is beyond a few tokens is expected as an answer's is, not drawn.
  mutating func noteRule(
    _ request: inout LimitRequest, _ charge: RequestCharge, _ image: inout RequestImage, _ tokens: ModelTokens
  ) {
    guard charge != .nothing, let body = image.body else { return }
    let (count, isJSON, asked) = body.withBytes { bytes in
      // A form's number of pictures is not read; its answer tells.
      let asked = charge == .pictures ? (try? RequestScanner.scan(bytes.bytes, acting: .pictures))?.choiceCount : nil
      return (bytes.count, bytes.first { $0 > 0x20 } == UInt8(ascii: "{"), asked)
    }
    picturesAsked = asked ?? 1
    ruledTokens = charge.tokens(bodyBytes: count, isJSON: isJSON, pictures: picturesAsked, tokens)
    request.choices = 1
    request.maxTokens = nil
    request.images = charge == .pictures ? max(picturesAsked, picturesMade) : 0
    request.isOnePiece = true
    if charge.isOutput { request.expectedOutput = ruledTokens } else { request.promptTokens = ruledTokens }
  }
}
