public import GatewayConfiguration
public import TokenAccounting

/// How one model's tokens are counted, and how well.
public struct ModelTokenReport: Sendable {
  /// The model's name in the configuration; empty for requests that no model stands behind.
  public let model: String
  /// Its vocabulary, or nil when nothing is known of it.
  public let vocabulary: String?
  /// How its text is counted here: exactly or by estimate; nil when it is not.
  public let source: TokenSource?
  /// What has been seen of it.
  public let gauges: TokenGauges
}

extension Gateway {
  /// The vocabularies that the models of a configuration have, or are taken to have, and those of its providers' own models, which can be
  /// asked for as `upstream/model`.
  public static func vocabularies(of settings: GatewaySettings) -> Set<String> {
    Set(settings.models.compactMap { ModelTokens.vocabularyName(of: $0) })
      .union(settings.upstreams.flatMap { VocabularyGuess.vocabularies(ofProvider: $0.provider.name) })
  }

  /// Each model's token counts, over all reactors, in the order of the configuration.
  public func tokenReports() async -> [ModelTokenReport] {
    var gauges = await tokenGauges()
    var reports = modelTokens.map { tokens in
      ModelTokenReport(
        model: tokens.model, vocabulary: tokens.vocabulary, source: tokens.measure?.source,
        gauges: gauges.removeValue(forKey: tokens.model) ?? TokenGauges())
    }
    // Models of an earlier configuration keep what was seen of them.
    for (model, seen) in gauges.sorted(by: { $0.key < $1.key }) {
      reports.append(ModelTokenReport(model: model, vocabulary: nil, source: nil, gauges: seen))
    }
    return reports
  }
}
