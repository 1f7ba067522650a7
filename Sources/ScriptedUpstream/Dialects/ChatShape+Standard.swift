extension ChatShape {
  /// The simulator's own: OpenAI's chunks with DeepSeek's reasoning, and usage where the script says.
  static func standard(_ script: Script, _ context: Context, tellsReasoning: Bool) -> ChatShape {
    var shape = ChatShape()
    shape.head = openAIHead(context)
    shape.nameSilentField(tellsReasoning)
    shape.nullUsage = script.usage == .nullEach && context.asksUsage
    shape.place = context.asksUsage ? .ownChunk : .nowhere
    shape.usage = { truth in
      """
      {"prompt_tokens":\(truth.prompt),"completion_tokens":\(truth.completion),"total_tokens":\(truth.total),\
      "prompt_tokens_details":{"cached_tokens":\(truth.cached)},\
      "completion_tokens_details":{"reasoning_tokens":\(truth.reasoning)}}
      """
    }
    return shape
  }

  /// The members that OpenAI's objects begin with.
  static func openAIHead(_ context: Context) -> String {
    let mark = String(CRC32.of(Array(context.model.utf8)), radix: 16)
    return "\"id\":\"\(context.id)\",\"object\":\"\(context.object)\",\"created\":1735689600,"
      + "\"model\":\(context.quotedModel),\"system_fingerprint\":\"fp_\(mark)\","
  }

  /// A reasoning model names both fields in every delta, the silent one as null (api-docs.deepseek.com).
  mutating func nameSilentField(_ tellsReasoning: Bool) {
    guard tellsReasoning else { return }
    namesSilentField = true
    roleDelta = "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"\"}"
    finishDelta = "{\"content\":\"\",\"reasoning_content\":null}"
  }
}
