internal import GatewayConfiguration
internal import Lifecycle
internal import Quotas
internal import Routing
internal import TokenAccounting

/// One configuration at work. Immutable: a reload makes another, and a request keeps the one that it began with.
final class GatewaySnapshot: Sendable {
  let settings: GatewaySettings
  let routes: RouteTable
  let identities: IdentityTable
  /// Where endpoints go that the gateway does not know.
  let pathRoutes: PathRoutes
  /// Whether limits tell models apart, so that a request must not name more of them than the one that is counted.
  let limitsByModel: Bool
  /// In the order of `settings.upstreams`, which is how routes name them.
  let upstreams: [UpstreamRuntime]
  /// How each model's tokens are counted, in the order of `settings.models`.
  let tokens: [ModelTokens]
  /// The models' names by `ModelTokens.slot`, those of earlier configurations included.
  let tokenSlots: [String]
  /// How those are counted that are asked for as `upstream/model`, by the vocabulary that their name speaks for.
  private let unlisted: [String: ModelTokens]
  /// The limits, ready to be asked.
  let limits: LimitPlan
  /// What of a request's head they are by.
  let factsWanted: FactsWanted
  /// What limits know a model of the configuration by; a copy of its settings for each request would cost more.
  let limitedModels: [(name: String, isPattern: Bool)]
  /// Whether any of them counts tokens or money, so that prompts are counted before they are sent.
  let countsForLimits: Bool
  /// What is tried after a fault, in the order of `settings.models`.
  private let faults: [FaultTable]
  /// Counts the configurations of this process, from 1.
  let generation: Int

  init(
    settings: GatewaySettings, routes: RouteTable, upstreams: [UpstreamRuntime], limits: LimitPlan,
    shelf: VocabularyShelf, previous: GatewaySnapshot?
  ) {
    self.limits = limits
    factsWanted = FactsWanted(settings.limits)
    limitedModels = settings.models.map { ($0.name, $0.match != .exact) }
    countsForLimits = settings.limits.contains { $0.quantity.countsTokens }
    limitsByModel = settings.limits.contains(where: \.tellsModelsApart)
    pathRoutes = PathRoutes(settings)
    faults = settings.models.map { FaultTable($0.onFault) }
    self.settings = settings
    self.routes = routes
    self.upstreams = upstreams
    generation = (previous?.generation ?? 0) + 1
    var slots = previous?.tokenSlots ?? [""]
    var known = Dictionary(slots.enumerated().map { ($1, $0) }) { first, _ in first }
    tokens = settings.models.map { model in
      if let slot = known[model.name] { return ModelTokens(model, slot: slot, shelf) }
      known[model.name] = slots.count
      slots.append(model.name)
      return ModelTokens(model, slot: slots.count - 1, shelf)
    }
    tokenSlots = slots
    let names = Set(VocabularyGuess.vocabularies)
    unlisted = Dictionary(uniqueKeysWithValues: names.map { ($0, ModelTokens(vocabulary: $0, shelf)) })
    identities = IdentityTable(settings)
  }

  /// How the tokens of a candidate's model are counted.
  func tokens(of candidate: Candidate) -> ModelTokens {
    if let index = candidate.modelIndex { return tokens[index] }
    guard let name = candidate.upstreamModel,
      let vocabulary = VocabularyGuess.vocabulary(forModel: String(decoding: name, as: UTF8.self))
    else { return .unknown }
    return unlisted[vocabulary] ?? .unknown
  }

  /// What is tried after a fault of a candidate, as the model says that lists it.
  func faults(of candidate: Candidate) -> FaultTable { candidate.modelIndex.map { faults[$0] } ?? .usual }

  /// The name that records use for a consumer; nil is the anonymous one.
  func consumerName(_ index: Int?) -> String {
    index.map { settings.consumers[$0].name } ?? ConsumerSettings.anonymousName
  }
}

extension LimitSettings {
  /// Whether what a request costs, or which limit it is under, depends on its model.
  fileprivate var tellsModelsApart: Bool {
    if case .budget = quantity { return true }
    let conditions = match.conditions + amounts.flatMap(\.match.conditions)
    return (each + conditions.map(\.subject)).contains { $0 == .model || $0 == .upstream }
  }
}

extension LimitQuantity {
  /// Whether what a request costs depends on its tokens.
  fileprivate var countsTokens: Bool {
    switch self {
    case .tokens, .budget: true
    case .requests, .concurrency: false
    }
  }
}
