internal import HTTPWire
internal import Quotas

/// The fields that tell a client how its limits stand, as this node knows it.
enum LimitHeaders {
  /// More than all names, numbers and dates of both kinds.
  private static let expectedBytes = 768

  /// OpenAI's names, or Anthropic's on its endpoint.
  static func append(_ views: LimitViews, on surface: Surface, unixTime: Int, to output: inout OutputBytes) {
    output.append(expecting: expectedBytes) { room in
      var line = LineWriter(room)
      if surface == .messages {
        if let view = views.requests { anthropic("anthropic-ratelimit-requests-", view, unixTime, &line) }
        if let view = views.tokens { anthropic("anthropic-ratelimit-tokens-", view, unixTime, &line) }
      } else {
        if let view = views.requests {
          openAI(
            view, "x-ratelimit-limit-requests: ", "\r\nx-ratelimit-remaining-requests: ",
            "\r\nx-ratelimit-reset-requests: ", &line)
        }
        if let view = views.tokens {
          openAI(
            view, "x-ratelimit-limit-tokens: ", "\r\nx-ratelimit-remaining-tokens: ",
            "\r\nx-ratelimit-reset-tokens: ", &line)
        }
      }
      return line.size
    }
  }

  @inline(__always)
  private static func openAI(
    _ view: LimitView, _ limit: StaticString, _ remaining: StaticString, _ reset: StaticString,
    _ line: inout LineWriter
  ) {
    line.append(limit)
    line.append(decimal: view.limit)
    line.append(remaining)
    line.append(decimal: max(0, view.remaining))
    line.append(reset)
    TimeText.append(milliseconds: view.resetMilliseconds, to: &line)
    line.append("\r\n")
  }

  private static func anthropic(_ prefix: StaticString, _ view: LimitView, _ unixTime: Int, _ line: inout LineWriter) {
    line.append(prefix)
    line.append("limit: ")
    line.append(decimal: view.limit)
    line.append("\r\n")
    line.append(prefix)
    line.append("remaining: ")
    line.append(decimal: max(0, view.remaining))
    line.append("\r\n")
    line.append(prefix)
    line.append("reset: ")
    TimeText.date(unixTime: unixTime, plusMilliseconds: view.resetMilliseconds).withUnsafeBytes {
      line.append($0)
    }
    line.append("\r\n")
  }
}
