extension ChatShape {
  /// Qwen on DashScope in its OpenAI-compatible mode (help.aliyun.com/zh/model-studio): choices stand first, usage
  /// before the id; null on every chunk, and if asked for in a last chunk without choices.
  static func qwen(_ context: Context) -> ChatShape {
    var shape = ChatShape()
    shape.tail =
      ",\"object\":\"\(context.object)\",\"created\":1735689600,\"system_fingerprint\":null,"
      + "\"model\":\(context.quotedModel),\"id\":\"\(context.id)\""
    shape.indexFirst = false
    shape.namesSilentField = true
    shape.roleDelta = "{\"content\":\"\",\"role\":\"assistant\"}"
    shape.finishDelta = "{\"content\":\"\"}"
    shape.nullUsage = true
    shape.place = context.asksUsage ? .ownChunk : .nowhere
    shape.usage = { truth in
      """
      {"prompt_tokens":\(truth.prompt),"completion_tokens":\(truth.completion),"total_tokens":\(truth.total),\
      "completion_tokens_details":{"reasoning_tokens":\(truth.reasoning)},\
      "prompt_tokens_details":{"cached_tokens":\(truth.cached)}}
      """
    }
    return shape
  }
}
