internal import GatewayConfiguration

/// Lays out a model's ways to be served, its fallbacks' behind its own, each way once.
struct CandidateBuilder {
  private let settings: GatewaySettings
  private let upstreamIndex: [String: Int]
  private let modelIndex: [String: Int]

  init(_ settings: GatewaySettings) {
    self.settings = settings
    upstreamIndex = Dictionary(settings.upstreams.enumerated().map { ($1.name, $0) }) { first, _ in first }
    modelIndex = Dictionary(settings.models.enumerated().map { ($1.name, $0) }) { first, _ in first }
  }

  /// The ways of a model asked by its own name or, with `sendsOwnName`, by another one. A fallback always sends a name of its own,
  /// because the asked one is not its.
  func candidates(of model: Int, sendsOwnName: Bool) throws(RoutingError) -> [Candidate] {
    var candidates: [Candidate] = []
    var ways: Set<Way> = []
    var isVisited: Set<Int> = []
    try append(model, sendsOwnName: sendsOwnName, to: &candidates, &ways, &isVisited)
    return candidates
  }

  /// Two ways are the same when the same upstream is asked for the same model, whichever entries list them.
  private struct Way: Hashable {
    var upstream: Int
    var model: String
  }

  private func append(
    _ index: Int, sendsOwnName: Bool, to candidates: inout [Candidate], _ ways: inout Set<Way>,
    _ isVisited: inout Set<Int>
  ) throws(RoutingError) {
    guard isVisited.insert(index).inserted else { return }
    let model = settings.models[index]
    for serve in model.serve {
      guard let upstream = upstreamIndex[serve.upstream] else {
        throw .unknownUpstream(model: model.name, upstream: serve.upstream)
      }
      // A model asked by its own name sends what was asked, so that the body needs no edit when the names agree.
      let name = serve.model == model.name && !sendsOwnName && model.match == .exact ? nil : serve.model
      let sent = name ?? (sendsOwnName ? model.name : nil)
      guard ways.insert(Way(upstream: upstream, model: serve.model ?? model.name)).inserted else { continue }
      candidates.append(
        Candidate(upstreamIndex: upstream, upstreamModel: sent.map { Array($0.utf8) }, modelIndex: index))
    }
    for name in model.fallback {
      guard let fallback = modelIndex[name] else { throw .unknownFallback(model: model.name, fallback: name) }
      try append(fallback, sendsOwnName: true, to: &candidates, &ways, &isVisited)
    }
  }
}
