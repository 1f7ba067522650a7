internal import GatewayConfiguration
internal import TokenAccounting
internal import Tokenization

/// How one model's tokens are counted, as its configuration and the vocabularies at hand say.
///
/// A class, so that a request holds one reference and not all that it says.
final class ModelTokens: Sendable {
  /// The model's name in the configuration.
  let model: String
  /// Where the reactors keep what they have seen of it; 0 is for all that no entry of the configuration describes.
  let slot: Int
  /// The vocabulary it has, or is taken to have; nil when nothing is known.
  let vocabulary: String?
  /// How text is counted; nil when it is not.
  let measure: TokenMeasure?
  let invisible: InvisibleTokens
  /// What stands around the texts of a prompt.
  let template: PromptTemplate
  /// What of a prompt is no text.
  let media: PromptMedia
  /// Tokens of a request whose tokens nobody can know; nil: by its endpoint.
  let request: Int?
  /// The most that one answer can have, as the configuration or the names there say; nil: by the name that was asked for.
  let outputMax: Int?

  /// For requests that no model of the configuration stands behind.
  static let unknown = ModelTokens(vocabulary: nil, VocabularyShelf())

  init(_ settings: ModelSettings, slot: Int, _ shelf: VocabularyShelf) {
    model = settings.name
    self.slot = slot
    vocabulary = Self.vocabularyName(of: settings)
    measure = settings.vocabulary == .none ? nil : shelf.measure(vocabulary)
    let declared = settings.tokens
    request = declared.request
    outputMax = settings.maxOutput ?? Self.outputMax(of: settings)
    invisible = InvisibleTokens(
      answer: declared.answer, reasoning: declared.reasoning, toolCall: declared.toolCall)
    var template = PreTokeniser.named(vocabulary).map(PromptTemplate.family) ?? PromptTemplate()
    if let message = declared.message { template.message = message }
    if let reply = declared.reply { template.reply = reply }
    self.template = template
    var media = PromptMedia()
    media.image = declared.image
    media.imageLow = declared.imageLow
    media.audio = declared.audio
    media.file = declared.file
    self.media = media
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

  /// The least of what is known of the names under which it is served; nil where a pattern's are not known before they are asked for.
  private static func outputMax(of settings: ModelSettings) -> Int? {
    guard settings.match == .exact || settings.serve.allSatisfy({ $0.model != nil }) else { return nil }
    return settings.serve.map { ModelOutputLimit.tokens(forModel: $0.model ?? settings.name) }.min()
  }

  /// For models that no entry of the configuration describes.
  init(vocabulary: String?, _ shelf: VocabularyShelf) {
    model = ""
    slot = 0
    request = nil
    outputMax = nil
    self.vocabulary = vocabulary
    measure = shelf.measure(vocabulary)
    invisible = InvisibleTokens()
    template = PreTokeniser.named(vocabulary).map(PromptTemplate.family) ?? PromptTemplate()
    media = PromptMedia()
  }
}
