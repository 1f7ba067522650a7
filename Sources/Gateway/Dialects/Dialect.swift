internal import Lifecycle
internal import Quotas
internal import TokenAccounting

/// What a client speaks, by the endpoint that it asked: how errors and endings are said to it.
enum Dialect: Equatable {
  /// `/v1/chat/completions`.
  case openAIChat
  /// `/v1/completions`.
  case openAICompletions
  /// `/v1/messages`.
  case anthropic
  /// `/v1/responses`.
  case responses
  /// Any other endpoint: errors as OpenAI says them, no words inside a stream.
  case other

  init(_ surface: Surface) {
    self =
      switch surface {
      case .chatCompletions: .openAIChat
      case .completions: .openAICompletions
      case .messages: .anthropic
      case .responses: .responses
      default: .other
      }
  }

  /// An error as a document.
  func body(of error: GatewayError) -> [UInt8] {
    self == .anthropic ? AnthropicErrors.body(error) : OpenAIErrors.body(error)
  }

  /// An error as the last event of a stream under way; nil where there are no words for it.
  func event(of error: GatewayError, in stream: StreamPlace) -> [UInt8]? {
    switch self {
    case .openAIChat, .openAICompletions: OpenAIErrors.event(error)
    case .anthropic: AnthropicErrors.event(error)
    case .responses: ResponsesErrors.event(error, in: stream)
    case .other: nil
    }
  }

  /// The events of a stream that ends as one does whose length was bounded; nil where there are no such words.
  func truncation(_ refusal: LimitRefusal, _ tokens: TokenRecord, in stream: StreamPlace) -> [UInt8]? {
    switch self {
    case .openAIChat, .openAICompletions: OpenAIClosings.truncation(refusal, tokens, in: stream, of: self)
    case .anthropic: AnthropicClosings.truncation(refusal, tokens, in: stream)
    case .responses: ResponsesClosings.truncation(refusal, tokens, in: stream)
    case .other: nil
    }
  }
}

/// Where a stream has come to that is to be ended.
struct StreamPlace {
  /// What its events have in common; nil before it is known.
  var identity: AnswerIdentity?
  /// Choices that have no end yet.
  var unfinished: [Int] = []
  /// The part that is open; nil when none is.
  var openPart: Int?
  /// Events so far.
  var eventCount = 0
  /// The client asked for usage.
  var wantsUsage = false

  init(_ pipeline: AnswerPipeline?, _ image: inout RequestImage, atLimit: Bool) {
    guard let pipeline else { return }
    identity = image.surface.isChunkStream && atLimit ? pipeline.identityAtLimit : pipeline.identity
    let findings = pipeline.findings
    unfinished = (0..<image.choiceCount).filter { !findings.isFinished(choice: $0) }
    openPart = pipeline.isPartEnded ? nil : pipeline.partAtLimit
    eventCount = pipeline.meter.eventCount
    wantsUsage = image.wantsUsage
  }
}
