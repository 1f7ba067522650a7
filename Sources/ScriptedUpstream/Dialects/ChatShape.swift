/// How a provider shapes the chunks of `/v1/chat/completions` and `/v1/completions`, which all speak OpenAI's language
/// with an accent.
struct ChatShape: Sendable {
  /// Where usage stands in a stream.
  enum UsagePlace: Equatable {
    case nowhere
    /// In a chunk of its own with no choices.
    case ownChunk
    /// On the last chunk with a finish reason.
    case onFinish
    /// On every chunk what all choices have come to, and nowhere else.
    case everyChunk
    /// On every chunk what its choice has come to, and the sum in a chunk of its own.
    case everyChunkAndOwn
  }

  /// What a shape depends on.
  struct Context {
    let model: String
    let isChat: Bool
    /// Whether the answer is in one piece.
    let isWhole: Bool
    /// Whether the request asked for usage.
    let asksUsage: Bool
    /// Whether the request asked for running counts.
    let asksRunning: Bool

    /// The value of `object`.
    var object: String {
      isChat ? isWhole ? "chat.completion" : "chat.completion.chunk" : "text_completion"
    }
    /// The id, without what providers put before it.
    var mark: String { "scripted-\(String(CRC32.of(Array(model.utf8)), radix: 16))-0001" }
    /// The id as most have it.
    var id: String { "\(isChat ? "chatcmpl" : "cmpl")-\(mark)" }
    /// The model's name with its quotes.
    var quotedModel: String {
      var name: [UInt8] = []
      name.appendQuoted(model)
      return String(decoding: name, as: UTF8.self)
    }
  }

  /// The members before `choices`, with a comma at the end if there are any.
  var head = ""
  /// The members after `choices` and `usage`, each with a comma before it.
  var tail = ""
  /// Whether a choice's index stands before its delta.
  var indexFirst = true
  /// What the reasoning's field is called.
  var reasoningField = "reasoning_content"
  /// Whether each delta of a reasoning answer names the silent field as null.
  var namesSilentField = false
  /// Members that every delta begins with.
  var deltaLead = ""
  /// The delta of a choice's first chunk.
  var roleDelta = "{\"role\":\"assistant\",\"content\":\"\"}"
  /// The delta of a choice's last chunk.
  var finishDelta = "{}"
  /// Members of a choice after its finish reason, in its last chunk.
  var afterFinish = ""
  /// Whether the stream begins with a comment.
  var beginsWithComment = false
  /// Whether chunks without usage say `"usage":null`.
  var nullUsage = false
  /// Where usage stands.
  var place = UsagePlace.ownChunk
  /// The usage object.
  var usage: @Sendable (UsageTruth) -> String = { _ in "{}" }
  /// A member beside `usage` on every chunk and in the whole answer, with a comma before it.
  var companion: (@Sendable (UsageTruth) -> String)?

  /// The shape of a script's provider.
  static func of(_ script: Script, _ context: Context, tellsReasoning: Bool) -> ChatShape {
    var shape =
      switch script.provider {
      case .standard: standard(script, context, tellsReasoning: tellsReasoning)
      case .openai: openAI(context)
      case .deepseek: deepSeek(context, tellsReasoning: tellsReasoning)
      case .qwen: qwen(context)
      case .vllm: vLLM(context)
      case .anthropic: anthropic(context)
      case .gemini: gemini(context)
      }
    switch script.usage {
    case .never:
      shape.place = .nowhere
      shape.companion = nil
    case .onFinish:
      shape.place = .onFinish
      shape.companion = nil
    case .always: if shape.place == .nowhere { shape.place = .ownChunk }
    case .onRequest, .nullEach: break
    }
    return shape
  }
}
