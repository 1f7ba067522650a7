/// A whole number in a scanned document.
public struct JSONInteger: Equatable, Sendable {
  /// Its value.
  public let value: Int
  /// Where it stands.
  public let range: Range<Int>
}

/// What a request body says that the gateway acts on: offsets into the body, no copies.
///
/// A field is nil when the body does not have it. For a field that is `null` see each.
public struct RequestFields: Equatable, Sendable {
  /// Just after the body's opening brace: where a member can be inserted.
  public internal(set) var insertionOffset = 0
  /// Whether the body has no member at all, so that an inserted one needs no comma.
  public internal(set) var isEmptyObject = true

  /// The model's name.
  public internal(set) var model: JSONStringRange?
  /// Whether an event stream is asked for; nil also for `null`.
  public internal(set) var stream: Bool?
  /// The value of `stream_options`, an object or `null`.
  public internal(set) var streamOptions: Range<Int>?
  /// Whether `stream_options` is there as `null`.
  public internal(set) var streamOptionsIsNull = false
  /// Whether `stream_options` is an object without members.
  public internal(set) var streamOptionsIsEmpty = false
  /// Whether the client asks for usage; nil also for `null`.
  public internal(set) var includeUsage: Bool?
  /// The value of `include_usage`, a boolean or `null`.
  public internal(set) var includeUsageRange: Range<Int>?

  /// `max_tokens`; nil also for `null`.
  public internal(set) var maxTokens: JSONInteger?
  /// `max_completion_tokens`; nil also for `null`.
  public internal(set) var maxCompletionTokens: JSONInteger?
  /// `max_output_tokens`; nil also for `null`.
  public internal(set) var maxOutputTokens: JSONInteger?
  /// The first of the three token bounds whose value is `null`.
  var nullTokenBound: Range<Int>?
  /// `n`; nil also for `null`.
  public internal(set) var n: JSONInteger?
  /// The value of `tools`, an array or `null`.
  public internal(set) var tools: Range<Int>?
  /// The value of `functions`, the older `tools`, an array or `null`.
  public internal(set) var functions: Range<Int>?
  /// Whether at least one tool or function is offered to the model.
  public internal(set) var hasTools = false
  /// The value of `response_format`: an object, a string (images, audio) or `null`.
  public internal(set) var responseFormat: Range<Int>?
  /// Whether the answer is free text: no `response_format`, `null`, or an object of type `text`.
  public internal(set) var responseFormatIsText = true
  /// The end user, as the client names it; nil also for `null`.
  public internal(set) var user: JSONStringRange?
  /// The value of `metadata`, an object or `null`.
  public internal(set) var metadata: Range<Int>?
  /// Whether token probabilities are asked for: `true`, or a number in `/v1/completions`.
  public internal(set) var logprobs = false
  /// The value of `messages`, of any type.
  public internal(set) var messages: Range<Int>?
  /// The value of `prompt`, of any type.
  public internal(set) var prompt: Range<Int>?
  /// The value of `input`, of any type.
  public internal(set) var input: Range<Int>?
  /// The value of `system`, Anthropic's first message, of any type.
  public internal(set) var system: Range<Int>?
  /// The value of `instructions`, the first message of `/v1/responses`, of any type.
  public internal(set) var instructions: Range<Int>?

  /// Fields of an empty body.
  public init() {}

  /// Whether the answer is to come as an event stream.
  public var isStream: Bool { stream == true }
  /// Whether the client itself asked for the usage at the stream's end.
  public var asksForUsage: Bool { includeUsage == true }
  /// The tightest bound the client sets on the answer's tokens.
  public var tokensMax: Int? {
    let least = min(maxTokens?.value ?? .max, maxCompletionTokens?.value ?? .max, maxOutputTokens?.value ?? .max)
    return least == .max ? nil : least
  }
}
