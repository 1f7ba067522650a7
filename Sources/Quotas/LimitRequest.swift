public import RateLimiting

/// What a request wants of the limits.
public struct LimitRequest: Sendable {
  /// Tells consumer, key, model, upstream and all else that limits are by.
  public var facts: any SubjectFacts & Sendable
  /// The model that is to serve it: prices and learned answers are by this.
  public var model: String
  /// Tokens of the prompt, as far as they are known.
  public var promptTokens: Int
  /// Tokens that one answer is expected to have; nil: as learned of the model.
  public var expectedOutput: Int?
  /// The caller's bound on one answer.
  public var maxTokens: Int?
  /// Answers asked for.
  public var choices: Int
  /// Whether another candidate could take it: then a limit whose `onExceeded` is `fallback` does not have it wait.
  public var hasAlternative: Bool
  /// Whether the answer comes as one document: nothing of it is spent while it runs, all of it at the end. What it may cost is to be reserved meanwhile.
  public var isOnePiece: Bool
  /// The most that one answer of the model can have; nil: not known.
  public var outputMax: Int?
  /// Pictures that it is to make.
  public var images: Int

  /// Whether it may cost anything of what limits count but its place among the requests: it is refused then where nothing is left, whatever it turns out to cost.
  var mayCost: Bool { promptTokens > 0 || expectedOutput != 0 || images > 0 }

  /// A request.
  public init(
    facts: any SubjectFacts & Sendable, model: String, promptTokens: Int, expectedOutput: Int? = nil,
    maxTokens: Int? = nil, choices: Int = 1, hasAlternative: Bool = false, isOnePiece: Bool = false,
    outputMax: Int? = nil, images: Int = 0
  ) {
    self.images = min(max(0, images), 1024)
    self.hasAlternative = hasAlternative
    self.isOnePiece = isOnePiece
    self.outputMax = outputMax.map { min(max(1, $0), 1 << 32) }
    self.facts = facts
    self.model = model
    self.promptTokens = min(max(0, promptTokens), 1 << 32)
    self.expectedOutput = expectedOutput.map { min(max(0, $0), 1 << 32) }
    self.maxTokens = maxTokens.map { min(max(0, $0), 1 << 32) }
    self.choices = min(max(1, choices), 1024)
  }
}
