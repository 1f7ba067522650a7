/// The token counts that an answer's usage tells, before a provider's shape is given to them: what a record of the
/// answer has to come to.
public struct UsageTruth: Sendable, Equatable {
  /// Tokens of the prompt, read from and written to a cache included.
  public var prompt = 0
  /// Prompt tokens read from the cache.
  public var cached = 0
  /// Prompt tokens written to the cache.
  public var cacheWrite = 0
  /// Tokens of all choices, reasoning and hidden ones included.
  public var completion = 0
  /// Tokens of reasoning among them.
  public var reasoning = 0
  /// Audio tokens among them.
  public var audio = 0
  /// Audio tokens of the prompt.
  public var promptAudio = 0

  /// Prompt and answer.
  public var total: Int { prompt + completion }

  init() {}

  /// What `script` tells of an answer with these events.
  init(_ script: Script, tokenEvents: Int, reasoningEvents: Int) {
    prompt = script.promptTokens
    cached = script.cachedTokens
    cacheWrite = script.cacheWriteTokens
    completion = script.completionTokens ?? tokenEvents + script.hiddenTokens
    reasoning = script.reasoningTokens ?? reasoningEvents
    audio = script.audioTokens
    promptAudio = script.promptAudioTokens
  }

  /// The part of the answer's tokens that is choice `choice` of `count`; all parts add up.
  func share(_ choice: Int, of count: Int) -> Int {
    completion / count + (choice < completion % count ? 1 : 0)
  }

  /// What has been counted when so many of the reasoning events and of the others have been sent.
  func running(reasoning reasoned: (Int, of: Int), others: (Int, of: Int)) -> UsageTruth {
    var running = self
    let rest = max(0, completion - reasoning)
    // Thoughts that no event shows were thought before the first one.
    running.reasoning = reasoned.of == 0 ? reasoning : reasoning * reasoned.0 / reasoned.of
    running.completion = running.reasoning + (others.of == 0 ? 0 : rest * others.0 / others.of)
    return running
  }
}
