extension ChatShape {
  /// DeepSeek (api-docs.deepseek.com): usage on the chunk with the finish reason, asked for or not, with the cache's
  /// hits and misses beside OpenAI's members; comments while a request waits for its turn.
  static func deepSeek(_ context: Context, tellsReasoning: Bool) -> ChatShape {
    var shape = ChatShape()
    shape.head = openAIHead(context)
    shape.nameSilentField(tellsReasoning)
    shape.beginsWithComment = true
    shape.finishDelta = tellsReasoning ? shape.finishDelta : "{\"content\":\"\"}"
    shape.place = .onFinish
    shape.usage = { truth in
      """
      {"prompt_tokens":\(truth.prompt),"completion_tokens":\(truth.completion),"total_tokens":\(truth.total),\
      "prompt_tokens_details":{"cached_tokens":\(truth.cached)},\
      "completion_tokens_details":{"reasoning_tokens":\(truth.reasoning)},\
      "prompt_cache_hit_tokens":\(truth.cached),"prompt_cache_miss_tokens":\(max(0, truth.prompt - truth.cached))}
      """
    }
    return shape
  }
}
