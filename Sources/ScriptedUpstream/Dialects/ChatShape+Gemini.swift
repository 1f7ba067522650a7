extension ChatShape {
  /// Gemini's OpenAI-compatible endpoint: usage on every chunk if it was asked for, and what all choices have come to
  /// so far. Beside it, asked for or not, the `usageMetadata` of its own endpoint.
  static func gemini(_ context: Context) -> ChatShape {
    var shape = ChatShape()
    shape.tail =
      ",\"created\":1735689600,\"id\":\"\(context.mark)\",\"model\":\(context.quotedModel),"
      + "\"object\":\"\(context.object)\""
    shape.indexFirst = false
    shape.deltaLead = "\"role\":\"assistant\","
    shape.finishDelta = "{\"role\":\"assistant\"}"
    shape.place = context.asksUsage ? .everyChunk : .nowhere
    shape.usage = { truth in
      "{\"completion_tokens\":\(truth.completion),\"prompt_tokens\":\(truth.prompt),\"total_tokens\":\(truth.total)}"
    }
    shape.companion = { ",\"usageMetadata\":\(GeminiDialect.usageMetadata($0))" }
    return shape
  }
}
