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
  /// Where `max_tokens` is `null`: no bound.
  var nullMaxTokens: Range<Int>?
  /// Where `max_completion_tokens` is `null`.
  var nullMaxCompletionTokens: Range<Int>?
  /// Where `max_output_tokens` is `null`.
  var nullMaxOutputTokens: Range<Int>?
  /// `n`; nil also for `null`.
  public internal(set) var n: JSONInteger?
  /// `best_of`; nil also for `null`.
  public internal(set) var bestOf: JSONInteger?
  /// The value of `tools`, of any type.
  public internal(set) var tools: Range<Int>?
  /// The value of `functions`, the older `tools`, of any type.
  public internal(set) var functions: Range<Int>?
  /// The value of `response_format`, of any type.
  public internal(set) var responseFormat: Range<Int>?
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

  /// The first member that names a model beside `model`; nil when there is none.
  public internal(set) var otherModels: ModelNamingMember?

  /// Fields of an empty body.
  public init() {}

  /// Whether the answer is to come as an event stream.
  public var isStream: Bool { stream == true }
  /// Whether the client itself asked for the usage at the stream's end.
  public var asksForUsage: Bool { includeUsage == true }
  /// The tightest bound the client sets on the answer's tokens. A negative one is none: some servers take -1 for "no bound".
  public var tokensMax: Int? {
    func bound(_ field: JSONInteger?) -> Int { field.map { $0.value < 0 ? .max : $0.value } ?? .max }
    let least = min(bound(maxTokens), bound(maxCompletionTokens), bound(maxOutputTokens))
    return least == .max ? nil : least
  }
  /// How many answers are delivered: `n`, which was found to be in `RequestScanner.choicesRange`.
  public var choiceCount: Int { n?.value ?? 1 }
  /// How many answers are generated, whether they are delivered or not.
  public var generatedCount: Int { max(choiceCount, bestOf?.value ?? 1) }
}
