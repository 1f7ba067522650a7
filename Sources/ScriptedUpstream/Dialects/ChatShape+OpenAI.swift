extension ChatShape {
  /// OpenAI (platform.openai.com/docs/api-reference/chat-streaming; the details as `CompletionUsage` of openai-python
  /// has them): usage only if asked for, in a last chunk without choices, and null on all before it.
  static func openAI(_ context: Context) -> ChatShape {
    var shape = ChatShape()
    shape.head = openAIHead(context)
    shape.tail = ",\"service_tier\":\"default\""
    shape.roleDelta = "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}"
    shape.place = context.asksUsage ? .ownChunk : .nowhere
    shape.nullUsage = context.asksUsage
    shape.usage = { truth in
      """
      {"prompt_tokens":\(truth.prompt),"completion_tokens":\(truth.completion),"total_tokens":\(truth.total),\
      "prompt_tokens_details":{"cached_tokens":\(truth.cached),"audio_tokens":\(truth.promptAudio)},\
      "completion_tokens_details":{"reasoning_tokens":\(truth.reasoning),"audio_tokens":\(truth.audio),\
      "accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}
      """
    }
    return shape
  }
}
