internal import ChatProtocol
internal import Lifecycle
internal import Quotas
internal import TokenAccounting

/// The end of a stream of `/v1/responses` whose length was bounded.
enum ResponsesClosings {
  /// The texts have been told in parts; they are not told again.
  static func truncation(_ refusal: LimitRefusal, _ tokens: TokenRecord, in stream: StreamPlace) -> [UInt8]? {
    guard let identity = stream.identity else { return nil }
    let prompt = tokens.prompt?.tokens ?? 0
    let completion = tokens.completion?.tokens ?? 0
    let usage =
      #"{"input_tokens":\#(prompt),"input_tokens_details":{"cached_tokens":\#(tokens.reported?.cachedTokens ?? 0)}"#
      + #","output_tokens":\#(completion),"output_tokens_details":{"reasoning_tokens":\#(tokens.reasoning ?? 0)}"#
      + #","total_tokens":\#(prompt + completion)}"#
    let response = object(
      identity, status: "incomplete", error: "null", details: #"{"reason":"max_output_tokens"}"#, usage: usage)
    return TypedEvent.text(
      "response.incomplete", #""sequence_number":\#(stream.eventCount),"response":\#(response),"# + refusal.extras)
  }

  /// The response as the last event tells it.
  static func object(
    _ identity: AnswerIdentity, status: String, error: String, details: String, usage: String
  ) -> String {
    let text = { (bytes: [UInt8]) in String(decoding: bytes, as: UTF8.self) }
    return #"{"id":\#(text(identity.id)),"object":"response","created_at":\#(identity.created),"status":"\#(status)""#
      + #","error":\#(error),"incomplete_details":\#(details),"model":\#(text(identity.model))"#
      + #","output":[],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"usage":\#(usage)}"#
  }
}
