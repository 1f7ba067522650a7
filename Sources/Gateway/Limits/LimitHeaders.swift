internal import HTTPWire
internal import Quotas

/// The fields that tell a client how its limits stand, as this node knows it.
enum LimitHeaders {
  /// OpenAI's names, or Anthropic's on its endpoint.
  static func append(_ views: LimitViews, on surface: Surface, unixTime: Int, to output: inout OutputBytes) {
    if surface == .messages {
      if let view = views.requests { anthropic("anthropic-ratelimit-requests-", view, unixTime, &output) }
      if let view = views.tokens { anthropic("anthropic-ratelimit-tokens-", view, unixTime, &output) }
      return
    }
    if let view = views.requests {
      openAI(
        view, "x-ratelimit-limit-requests: ", "\r\nx-ratelimit-remaining-requests: ",
        "\r\nx-ratelimit-reset-requests: ", &output)
    }
    if let view = views.tokens {
      openAI(
        view, "x-ratelimit-limit-tokens: ", "\r\nx-ratelimit-remaining-tokens: ", "\r\nx-ratelimit-reset-tokens: ",
        &output)
    }
  }

  @inline(__always)
  private static func openAI(
    _ view: LimitView, _ limit: StaticString, _ remaining: StaticString, _ reset: StaticString,
    _ output: inout OutputBytes
  ) {
    output.append(limit)
    output.append(decimal: view.limit)
    output.append(remaining)
    output.append(decimal: max(0, view.remaining))
    output.append(reset)
    TimeText.append(milliseconds: view.resetMilliseconds, to: &output)
    output.append("\r\n")
  }

  private static func anthropic(_ prefix: StaticString, _ view: LimitView, _ unixTime: Int, _ output: inout OutputBytes)
  {
    output.append(prefix)
    output.append("limit: ")
    output.append(decimal: view.limit)
    output.append("\r\n")
    output.append(prefix)
    output.append("remaining: ")
    output.append(decimal: max(0, view.remaining))
    output.append("\r\n")
    output.append(prefix)
    output.append("reset: ")
    output.append(TimeText.date(unixTime: unixTime + (max(0, view.resetMilliseconds) + 999) / 1000))
    output.append("\r\n")
  }
}
