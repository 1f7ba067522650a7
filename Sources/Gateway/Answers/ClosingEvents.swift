internal import ChatProtocol
internal import HTTPWire
internal import Quotas
internal import TokenAccounting

/// What all chunks of one answer have in common, kept so that the gateway can add one of its own that looks like them.
struct AnswerIdentity {
  /// `id` and `model` as they stand in the chunks, quotes included.
  let id: [UInt8]
  let model: [UInt8]
  let created: Int

  init(_ fields: ChunkFields, in data: RawSpan) {
    func copy(_ text: JSONStringRange?) -> [UInt8] {
      guard let text else { return Array("\"\"".utf8) }
      return data.extracting(text.range).withUnsafeBytes { Array($0) }
    }
    id = copy(fields.id)
    model = copy(fields.model)
    created = fields.created ?? 0
  }
}

/// The events that the gateway adds at the end of a chunk stream whose upstream forgot them, or could not send them any more.
enum ClosingEvents {
  /// `[DONE]`.
  static let done: StaticString = "data: [DONE]\n\n"

  /// A chunk that tells usage as it was counted here, and says so in its extras.
  static func usage(_ tokens: TokenRecord, of identity: AnswerIdentity, on surface: Surface) -> [UInt8] {
    let prompt = tokens.prompt?.tokens ?? 0
    let completion = tokens.completion?.tokens ?? 0
    var event = opening(identity, surface)
    event += Array(#","choices":[],"usage":{"prompt_tokens":\#(prompt),"completion_tokens":\#(completion)"#.utf8)
    event += Array(#","total_tokens":\#(prompt + completion)"#.utf8)
    if let reasoning = tokens.reasoning {
      event += Array(#","completion_tokens_details":{"reasoning_tokens":\#(reasoning)}"#.utf8)
    }
    let source = tokens.completion?.source ?? .estimated
    event += Array(#"},"sluice":{"usage_source":"\#(source.rawValue)"}}\#n\#n"#.utf8)
    return event
  }

  /// A chunk that ends choices as one does that came to the end of its length, and says in its extras which limit it was.
  static func truncation(
    _ choices: [Int], _ refusal: LimitRefusal, of identity: AnswerIdentity, on surface: Surface
  ) -> [UInt8] {
    let content = surface == .chatCompletions ? #""delta":{}"# : #""text":"""#
    let ends = choices.map { #"{"index":\#($0),\#(content),"logprobs":null,"finish_reason":"length"}"# }
    return opening(identity, surface)
      + Array(#","choices":[\#(ends.joined(separator: ","))],\#(refusal.extras)}\#n\#n"#.utf8)
  }

  /// What all chunks begin with.
  private static func opening(_ identity: AnswerIdentity, _ surface: Surface) -> [UInt8] {
    let object = surface == .chatCompletions ? "chat.completion.chunk" : "text_completion"
    return Array(#"data: {"id":"#.utf8) + identity.id
      + Array(#","object":"\#(object)","created":\#(identity.created),"model":"#.utf8) + identity.model
  }

  /// The end of a stream of `/v1/messages` whose length was bounded: its open block if there is one, the reason, usage.
  static func truncatedMessage(block: Int?, _ refusal: LimitRefusal, _ tokens: TokenRecord) -> [UInt8] {
    let completion = tokens.completion?.tokens ?? 0
    return (block.map { event("content_block_stop", #""index":\#($0)"#) } ?? [])
      + event(
        "message_delta",
        #""delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":\#(completion)},"#
          + refusal.extras)
      + event("message_stop", nil)
  }

  /// The end of a stream of `/v1/responses` whose length was bounded. The texts have been told in parts; they are not told again.
  static func truncatedResponse(
    _ refusal: LimitRefusal, _ tokens: TokenRecord, of identity: AnswerIdentity, sequence: Int
  ) -> [UInt8] {
    let prompt = tokens.prompt?.tokens ?? 0
    let completion = tokens.completion?.tokens ?? 0
    let text = { (bytes: [UInt8]) in String(decoding: bytes, as: UTF8.self) }
    let usage =
      #"{"input_tokens":\#(prompt),"input_tokens_details":{"cached_tokens":\#(tokens.reported?.cachedTokens ?? 0)}"#
      + #","output_tokens":\#(completion),"output_tokens_details":{"reasoning_tokens":\#(tokens.reasoning ?? 0)}"#
      + #","total_tokens":\#(prompt + completion)}"#
    return event(
      "response.incomplete",
      #""sequence_number":\#(sequence),"response":{"id":\#(text(identity.id)),"object":"response""#
        + #","created_at":\#(identity.created),"status":"incomplete","error":null"#
        + #","incomplete_details":{"reason":"max_output_tokens"},"model":\#(text(identity.model))"#
        + #","output":[],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"usage":\#(usage)},"#
        + refusal.extras)
  }

  /// An event that has its type twice, as these endpoints' have.
  private static func event(_ type: String, _ members: String?) -> [UInt8] {
    Array("event: \(type)\ndata: {\"type\":\"\(type)\"\(members.map { ",\($0)" } ?? "")}\n\n".utf8)
  }
}
