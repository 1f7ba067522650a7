extension ChatShape {
  /// Anthropic's OpenAI-compatible endpoint: three counts and no details.
  static func anthropic(_ context: Context) -> ChatShape {
    var shape = ChatShape()
    shape.head =
      "\"id\":\"msg_\(context.mark)\",\"object\":\"\(context.object)\",\"created\":1735689600,"
      + "\"model\":\(context.quotedModel),"
    shape.deltaLead = "\"role\":\"assistant\","
    shape.place = context.asksUsage ? .ownChunk : .nowhere
    shape.usage = { truth in
      "{\"prompt_tokens\":\(truth.prompt),\"completion_tokens\":\(truth.completion),\"total_tokens\":\(truth.total)}"
    }
    return shape
  }
}
