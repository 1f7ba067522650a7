extension ChatShape {
  /// vLLM (`vllm/entrypoints/openai`): usage only if asked for, in a last chunk without choices; with
  /// `continuous_usage_stats` beside it every chunk has the running count of its choice. Absent members are left out.
  static func vLLM(_ context: Context) -> ChatShape {
    var shape = ChatShape()
    shape.head =
      "\"id\":\"\(context.id)\",\"object\":\"\(context.object)\",\"created\":1735689600,"
      + "\"model\":\(context.quotedModel),"
    shape.reasoningField = "reasoning"
    shape.finishDelta = "{\"content\":\"\"}"
    shape.afterFinish = ",\"stop_reason\":null"
    shape.place = context.asksUsage ? context.asksRunning ? .everyChunkAndOwn : .ownChunk : .nowhere
    shape.usage = { truth in
      // Cached tokens are told only by servers that were started so, and then only if there are any.
      let details = truth.cached > 0 ? ",\"prompt_tokens_details\":{\"cached_tokens\":\(truth.cached)}" : ""
      return "{\"prompt_tokens\":\(truth.prompt),\"total_tokens\":\(truth.total),"
        + "\"completion_tokens\":\(truth.completion)\(details)}"
    }
    return shape
  }
}
