/// The `usage` object of an answer.
struct UsageText: Sendable {
  let prompt: Int
  let completion: Int
  let reasoning: Int

  /// As DeepSeek and OpenAI write it.
  var json: String {
    """
    {"prompt_tokens":\(prompt),"completion_tokens":\(completion),"total_tokens":\(prompt + completion),\
    "prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":\(reasoning)}}
    """
  }
}
