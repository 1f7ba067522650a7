internal import Quotas
internal import TokenAccounting

/// The end of a stream of `/v1/messages` whose length was bounded.
enum AnthropicClosings {
  /// Its open block if there is one, the reason, usage.
  static func truncation(_ refusal: LimitRefusal, _ tokens: TokenRecord, in stream: StreamPlace) -> [UInt8] {
    let completion = tokens.completion?.tokens ?? 0
    return (stream.openPart.map { TypedEvent.text("content_block_stop", #""index":\#($0)"#) } ?? [])
      + TypedEvent.text(
        "message_delta",
        #""delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":\#(completion)},"#
          + refusal.extras)
      + TypedEvent.text("message_stop", nil)
  }
}
