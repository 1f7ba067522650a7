/// The members of a request body that the gateway looks at, under their names on the wire.
public enum RequestField: String, CaseIterable, Equatable, Sendable {
  /// The model asked for.
  case model
  /// Whether the answer comes as an event stream.
  case stream
  /// Options of the stream.
  case streamOptions = "stream_options"
  /// Whether the stream ends with the token usage.
  case includeUsage = "stream_options.include_usage"
  /// The bound on the answer's tokens, older name.
  case maxTokens = "max_tokens"
  /// The bound on the answer's tokens, newer name.
  case maxCompletionTokens = "max_completion_tokens"
  /// The bound on the answer's tokens in `/v1/responses`.
  case maxOutputTokens = "max_output_tokens"
  /// How many answers.
  case n
  /// From how many answers `/v1/completions` chooses.
  case bestOf = "best_of"
  /// Tools the model may call.
  case tools
  /// Older name of `tools`.
  case functions
  /// The shape asked of the answer.
  case responseFormat = "response_format"
  /// The chat so far.
  case messages
  /// The text to complete.
  case prompt
  /// The text to embed, or the input of `/v1/responses`.
  case input
  /// What comes before the messages of Anthropic's `/v1/messages`.
  case system
  /// What comes before the input of `/v1/responses`.
  case instructions
}

/// The members that an endpoint's requests are read for. All others pass whatever they hold: what the gateway does not act on is not its to judge.
public struct RequestFieldSet: OptionSet, Equatable, Sendable {
  /// One bit for each field.
  public let rawValue: UInt32

  /// A set from its bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  private init(_ fields: [RequestField]) {
    rawValue = fields.reduce(0) { $0 | $1.bit }
  }

  /// Every field.
  public static let all = RequestFieldSet(RequestField.allCases)
  /// `/v1/chat/completions`.
  public static let chat = RequestFieldSet([
    .model, .stream, .streamOptions, .includeUsage, .maxTokens, .maxCompletionTokens, .n, .tools, .functions,
    .responseFormat, .messages,
  ])
  /// `/v1/completions`.
  public static let completion = RequestFieldSet([
    .model, .stream, .streamOptions, .includeUsage, .maxTokens, .n, .bestOf, .prompt,
  ])
  /// `/v1/embeddings`.
  public static let embedding = RequestFieldSet([.model, .input])
  /// Anthropic's `/v1/messages`.
  public static let messages = RequestFieldSet([.model, .stream, .maxTokens, .tools, .messages, .system])
  /// `/v1/responses`.
  public static let responses = RequestFieldSet([.model, .stream, .maxOutputTokens, .tools, .input, .instructions])
  /// An endpoint whose requests name a model, and may be answered by a stream.
  public static let streamed = RequestFieldSet([.model, .stream])
  /// An endpoint that makes as many pictures as are asked for.
  public static let pictures = RequestFieldSet([.n])
  /// An endpoint of which nothing is known but that its requests may name a model.
  public static let named = RequestFieldSet([.model])

  @inline(__always)
  func has(_ field: RequestField) -> Bool { rawValue & field.bit != 0 }
}

extension RequestField {
  /// The field's bit in a ``RequestFieldSet``.
  @inline(__always)
  var bit: UInt32 {
    switch self {
    case .model: 1 << 0
    case .stream: 1 << 1
    case .streamOptions: 1 << 2
    case .includeUsage: 1 << 3
    case .maxTokens: 1 << 4
    case .maxCompletionTokens: 1 << 5
    case .maxOutputTokens: 1 << 6
    case .n: 1 << 7
    case .bestOf: 1 << 8
    case .tools: 1 << 9
    case .functions: 1 << 10
    case .responseFormat: 1 << 11
    case .messages: 1 << 12
    case .prompt: 1 << 13
    case .input: 1 << 14
    case .system: 1 << 15
    case .instructions: 1 << 16
    }
  }
}
