internal import GatewayConfiguration
internal import TokenAccounting

/// How one model's tokens are counted, as its configuration and the vocabularies at hand say.
struct ModelTokens: Sendable {
  /// The model's name in the configuration.
  let model: String
  /// The vocabulary it has, or is taken to have; nil when nothing is known.
  let vocabulary: String?
  /// How text is counted; nil when it is not.
  let measure: TokenMeasure?
  let invisible: InvisibleTokens

  /// For requests that no model of the configuration stands behind.
  static let unknown = ModelTokens(
    model: "", vocabulary: nil, measure: .general, invisible: InvisibleTokens())

  init(_ settings: ModelSettings, _ shelf: VocabularyShelf) {
    model = settings.name
    vocabulary = Self.vocabularyName(of: settings)
    measure = settings.vocabulary == .none ? nil : shelf.measure(vocabulary)
    invisible = InvisibleTokens()
  }

  /// The vocabulary that a model has, or that its name there, or here, speaks for.
  static func vocabularyName(of settings: ModelSettings) -> String? {
    switch settings.vocabulary {
    case .none: nil
    case .auto:
      settings.serve.first?.model.flatMap(VocabularyGuess.vocabulary(forModel:))
        ?? VocabularyGuess.vocabulary(forModel: settings.name)
    case .qwen, .deepseek, .cl100k, .o200k, .llama3, .tekken: settings.vocabulary.rawValue
    }
  }

  private init(model: String, vocabulary: String?, measure: TokenMeasure?, invisible: InvisibleTokens) {
    self.model = model
    self.vocabulary = vocabulary
    self.measure = measure
    self.invisible = invisible
  }
}
