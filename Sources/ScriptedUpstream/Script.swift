/// How one answer of the simulator goes: its length, its pace, the shape of its bytes and what goes wrong.
///
/// Written as text, words and `name=value` pairs separated by spaces:
/// `events=200 gap=20ms reasoning=20 fault=reset after=5`. `Script(parsing:)` reads it.
public struct Script: Sendable, Equatable {
  /// Answer tokens as one event each; nil: as many as the model's paragraph has words.
  public var events: Int?
  /// Reasoning tokens before the answer; nil: what the model has (none for most).
  public var reasoningEvents: Int?
  /// Tool calls at the end of the answer, each as seven events. With tools and no `events` there is no answer text.
  public var toolCalls = 0
  /// Refusal tokens at the end of the text. With a refusal and no `events` there is no answer text.
  public var refusalEvents = 0
  /// Whether the reasoning stands in the content, between tags.
  public var think = Think.apart
  /// How many choices are answered, their tokens in turn; nil: one, or with a provider as many as the request's `n`.
  public var choices: Int?
  /// Whether a surrogate pair that an event would end or begin with stands in two events, half in each, escaped.
  public var splitsSurrogates = false
  /// Whether a tool call's name comes in two events.
  public var splitsNames = false
  /// The time between two token events; zero is a burst.
  public var gap = Duration.zero
  /// The time before the head.
  public var headDelay = Duration.zero
  /// The time between head (with the role) and first token; before the whole answer when it is not streamed.
  public var firstDelay = Duration.zero
  /// While the answer waits or stalls, a comment is sent so often; zero never.
  public var keepAlive = Duration.zero
  /// When usage is told. A provider's own way counts unless it is `never` or `onFinish`.
  public var usage = Usage.onRequest
  /// Whose shapes the answer has: where usage stands and what its members are called.
  public var provider = Provider.standard
  /// What usage says the prompt had, in tokens, cached ones included.
  public var promptTokens = 20
  /// What usage says was read from the provider's cache, in tokens.
  public var cachedTokens = 0
  /// What usage says was written to the provider's cache, in tokens. Only Anthropic tells it.
  public var cacheWriteTokens = 0
  /// What usage says the answer had, in tokens; nil: as many as there are token events, and the hidden ones.
  public var completionTokens: Int?
  /// Tokens that the upstream counts and no event shows: ends of text, syntax of tools, thoughts kept back.
  public var hiddenTokens = 0
  /// What usage says was spent on reasoning, in tokens; nil: as many as there are reasoning events.
  public var reasoningTokens: Int?
  /// What usage says of the answer was audio, in tokens.
  public var audioTokens = 0
  /// What usage says of the prompt was audio, in tokens.
  public var promptAudioTokens = 0
  /// What ends a line of the event stream.
  public var lineEnd = LineEnd.lf
  /// A comment before every so many-th token event; 0 never.
  public var comments = 0
  /// How the body's end is told; nil: chunked for streams, a length for the rest.
  public var framing: Framing?
  /// Bytes in one write, each write in its own turn of the loop; 0 writes whole events.
  public var writeSplit = 0
  /// Payload bytes in one chunk, counted without regard to events; 0 makes every event one chunk.
  public var chunkSplit = 0
  /// Events in one write at most, due together.
  public var coalesce = 1
  /// Whether the stream begins with a byte order mark.
  public var bom = false
  /// What the tokens are made of.
  public var text = Text.plain
  /// What goes wrong.
  public var fault = Fault.none
  /// After how many token events it goes wrong.
  public var after = 0
  /// After how many events of any kind it goes wrong, the first being the role; nil: `after` says it in tokens.
  public var afterEvents: Int?
  /// Only the first so many requests with this script meet the fault; nil: all.
  public var first: Int?
  /// The value of a `Retry-After` field in an answer with an error status.
  public var retryAfter: String?
  /// Further response header fields.
  public var headers: [Header] = []
  /// An interim response (100 or 103) before the head.
  public var interim: Int?
  /// Distinguishes scripts that are otherwise equal, so that they count their faults apart.
  public var tag = ""

  /// A plain stream without pace or faults.
  public init() {}

  /// Whose shapes an answer has.
  public enum Provider: String, Sendable, CaseIterable {
    /// OpenAI's chunks with DeepSeek's reasoning, and usage where `Usage` says.
    case standard
    /// OpenAI: `"usage":null` on every chunk if usage was asked for, then a chunk without choices.
    case openai
    /// DeepSeek: usage on the finishing chunk, asked for or not.
    case deepseek
    /// Qwen on DashScope, in its OpenAI-compatible mode.
    case qwen
    /// vLLM: if asked for, running counts on every chunk.
    case vllm
    /// Anthropic's OpenAI-compatible endpoint, and its own messages below `/v1/messages`.
    case anthropic
    /// Gemini's OpenAI-compatible endpoint, and its own below `/v1/models/`.
    case gemini
  }

  /// Where reasoning stands.
  public enum Think: String, Sendable, CaseIterable {
    /// In a field of its own.
    case apart
    /// In the content, between `<think>` and `</think>`, each tag an event.
    case whole
    /// The same, each tag cut in two events.
    case split
  }

  /// When usage is told.
  public enum Usage: String, Sendable, CaseIterable {
    /// In a chunk of its own with no choices, if `stream_options.include_usage` asked for it.
    case onRequest
    /// In a chunk of its own, asked for or not.
    case always
    /// Never, asked for or not.
    case never
    /// On the chunk with the finish reason, asked for or not (as DeepSeek does).
    case onFinish
    /// As `onRequest`, and `"usage":null` on every other chunk if it was asked for (as OpenAI does).
    case nullEach
  }

  /// What ends a line of the event stream (WHATWG HTML section 9.2.5 allows three).
  public enum LineEnd: String, Sendable, CaseIterable {
    /// Line feed.
    case lf
    /// Carriage return and line feed.
    case crlf
    /// Carriage return.
    case cr
  }

  /// How the end of a body is told (RFC 9112 section 6.3).
  public enum Framing: String, Sendable, CaseIterable {
    /// Chunks.
    case chunked
    /// The connection's end.
    case close
    /// Content-Length.
    case length
  }

  /// What the tokens are made of.
  public enum Text: Sendable, Equatable {
    /// Words of a paragraph, in ASCII.
    case plain
    /// Words with characters of two to twenty-five bytes, as UTF-8.
    case emoji
    /// The same written as `\u` escapes with surrogate pairs.
    case escaped
    /// So many bytes each.
    case big(Int)
    /// Pieces of 1 to 12 scalars of text in several languages, code, JSON, LaTeX and emoji, cut anywhere.
    case mixed
    /// The same written as `\u` escapes with surrogate pairs.
    case mixedEscaped
  }

  /// A response header field.
  public struct Header: Sendable, Equatable {
    /// The name as it is written.
    public var name: String
    /// The value as it is written.
    public var value: String
    /// Makes a field.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Whether this request is served as if nothing were to go wrong.
  var withoutFault: Script {
    var healthy = self
    healthy.fault = .none
    return healthy
  }
}
