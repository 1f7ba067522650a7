internal import ChatProtocol

/// How a stream of `/v1/responses` ends by an error.
enum ResponsesErrors {
  /// `response.failed` once the stream has an id, which is how OpenAI's own accumulators expect an answer to fail; before that, `error`.
  static func event(_ error: GatewayError, in stream: StreamPlace) -> [UInt8] {
    let message = String(decoding: JSONText.quoted(error.message), as: UTF8.self)
    guard let identity = stream.identity else {
      return TypedEvent.text("error", #""code":"\#(error.code)","message":\#(message),"param":null"#)
    }
    let response = ResponsesClosings.object(
      identity, status: "failed", error: #"{"code":"\#(error.code)","message":\#(message)}"#, details: "null",
      usage: "null")
    return TypedEvent.text("response.failed", #""sequence_number":\#(stream.eventCount),"response":\#(response)"#)
  }
}
