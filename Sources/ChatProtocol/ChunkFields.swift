/// What a stream chunk, or a whole answer, says that the gateway acts on: offsets into the data, no copies.
///
/// The flags cover all choices.
public struct ChunkFields: Equatable, Sendable {
  /// Not one valid JSON object, or one that gives `choices`, `usage` or `error` twice. No other field is then to be
  /// trusted.
  public internal(set) var isMalformed = false
  /// The value of a top-level `error` that is not `null`: the upstream failed inside its stream. For an event that tells a failure without
  /// one it is the error of the response that failed, or the whole event.
  public internal(set) var error: Range<Int>?
  /// The answer's id.
  public internal(set) var id: JSONStringRange?
  /// The model as the upstream names it.
  public internal(set) var model: JSONStringRange?

  /// When the answer was begun, in seconds since 1970.
  public internal(set) var created: Int?

  /// Whether there is a `choices` array.
  public internal(set) var hasChoices = false
  /// How many choices the chunk touches.
  public internal(set) var choicesCount = 0
  /// Whether a choice names a role.
  public internal(set) var hasRole = false
  /// Whether a choice has answer text that is not empty (`content` or `text`).
  public internal(set) var hasContent = false
  /// Whether a choice has reasoning text that is not empty (`reasoning_content`, `reasoning`, `reasoning_text`, or in the lists
  /// `reasoning_details` and `thinking_blocks`).
  public internal(set) var hasReasoning = false
  /// Whether a choice has a part of a tool call (or of a `function_call`).
  public internal(set) var hasToolCalls = false
  /// Whether a choice has a refusal that is not empty.
  public internal(set) var hasRefusal = false
  /// Whether a choice brings something else that is not empty: sound, pictures, annotations, sealed reasoning, or a member not known here.
  /// An event of a type that is not known, or that is no JSON, is taken to do so.
  public internal(set) var hasOther = false
  /// Whether a choice has token probabilities.
  public internal(set) var hasLogprobs = false
  /// The texts, of all choices.
  public internal(set) var texts = ChunkTexts()

  /// Whether the event's type only announces.
  var isAnnouncement = false
  /// Whether the event says that an answer begins (`message_start`, `response.created`), so that its end must be told too.
  public internal(set) var beginsAnswer = false

  /// The first `finish_reason` that tells a reason; `""` and `"null"` tell none.
  public internal(set) var finishReason: JSONStringRange?
  /// How many choices of this chunk have a `finish_reason`, or a sound that has ended.
  public internal(set) var finishedCount = 0
  /// Those choices by their `index`; one beyond 127 is counted only.
  public internal(set) var finishedChoices = ChoiceSet()

  /// The token counts; nil also when `usage` is `null` or has no counts.
  public internal(set) var usage: TokenUsage?
  /// The whole member `usage` (also a `null` one) with one comma beside it: without these bytes the chunk is valid
  /// JSON again.
  public internal(set) var usageMember: Range<Int>?

  /// Fields of an empty chunk.
  public init() {}

  /// Whether the upstream reports an error in place of an answer.
  public var hasError: Bool { error != nil }
  /// Whether `choices` is there and empty: the chunk that only carries usage, or a provider's prompt annotations.
  public var choicesIsEmpty: Bool { hasChoices && choicesCount == 0 }
  /// Whether a choice has anything a client would show or act on. Comments, roles and empty texts are not progress.
  public var hasProgress: Bool { hasContent || hasReasoning || hasToolCalls || hasRefusal || hasOther }
  /// Whether it belongs to the beginning of an answer, or only shows that the connection lives: an event that announces, or a chunk with no
  /// more than a role. Nothing is lost when it is held back.
  public var isBeginning: Bool {
    isRoleOnly || isAnnouncement && !hasProgress && finishedCount == 0 && !hasError && !isMalformed
  }
  /// Whether the chunk only announces a choice: nothing shown, nothing finished, nothing counted.
  public var isRoleOnly: Bool {
    choicesCount > 0 && hasRole && !hasProgress && finishedCount == 0 && usage == nil && !hasError && !isMalformed
  }

  /// The first answer text that is not empty. Nil also when the content is a list of parts.
  public var firstContent: JSONStringRange? { texts.first(of: .content) }
  /// The first reasoning text that is not empty.
  public var firstReasoning: JSONStringRange? { texts.first(of: .reasoning) }

  /// Notes that there is something in a channel.
  @inline(__always)
  mutating func note(_ channel: TextChannel) {
    switch channel {
    case .content: hasContent = true
    case .reasoning: hasReasoning = true
    case .refusal: hasRefusal = true
    case .toolName, .toolArguments: hasToolCalls = true
    }
  }

  @inline(__always)
  mutating func append(_ text: JSONStringRange, _ channel: TextChannel, choice: Int, part: Int) {
    note(channel)
    texts.append(
      ChunkText(
        choice: Int32(truncatingIfNeeded: choice), part: Int32(truncatingIfNeeded: part), channel: channel, text: text))
  }
}
