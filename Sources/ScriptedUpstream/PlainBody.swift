/// Bodies that are not streamed.
enum PlainBody {
  /// An error in OpenAI's shape.
  static func error(_ message: String, type: String, code: String?) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append("{\"error\":{\"message\":")
    bytes.appendQuoted(message)
    bytes.append(",\"type\":\"\(type)\",\"param\":null,\"code\":\(code.map { "\"\($0)\"" } ?? "null")}}")
    return bytes
  }

  /// An error in OpenAI's shape, in the words that fit the status.
  static func error(status: Int) -> [UInt8] {
    switch status {
    case 401: error("Incorrect API key provided.", type: "invalid_request_error", code: "invalid_api_key")
    case 404: error("Not found.", type: "invalid_request_error", code: "model_not_found")
    case 429: error("Rate limit reached.", type: "rate_limit_error", code: "rate_limit_exceeded")
    case 400..<500: error("A scripted refusal.", type: "invalid_request_error", code: nil)
    default: error("A scripted failure.", type: "server_error", code: "internal_error")
    }
  }

  static let html = Array(
    """
    <html>\r
    <head><title>502 Bad Gateway</title></head>\r
    <body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>\r
    </html>\r\n
    """.utf8)

  /// A finished answer in one piece grows no further than this.
  static let bytesMax = 256 << 20

  /// The whole answer of a plan in one object; what the fault does to it is told by the fault's name.
  static func completion(_ plan: StreamPlan) -> [UInt8] {
    let isChat = plan.endpoint == .chat
    switch plan.script.fault {
    case .errorEvent: return error(status: 500)
    case .malformed: return Array("{\"id\":\"chatcmpl-scripted\",\"choices\":[{\"message\":{\"content\":\"open".utf8)
    default: break
    }
    var bytes: [UInt8] = []
    bytes.append(
      EventParts.head(model: plan.model, object: isChat ? "chat.completion" : "text_completion", isChat: isChat))
    bytes.append(",\"choices\":[{\"index\":0,")
    if isChat { appendMessage(plan, to: &bytes) } else { appendText("text", plan, to: &bytes) }
    let reason = isChat && plan.script.toolCalls > 0 ? "\"tool_calls\"" : "\"stop\""
    bytes.append(",\"logprobs\":null,\"finish_reason\":\(plan.script.fault == .noFinish ? "null" : reason)}]")
    if plan.script.usage != .never { bytes.append(",\"usage\":\(plan.parts.usageJSON)") }
    bytes.append("}")
    return bytes
  }

  private static func appendMessage(_ plan: StreamPlan, to bytes: inout [UInt8]) {
    bytes.append("\"message\":{\"role\":\"assistant\",")
    if plan.contentCount == 0 && plan.script.toolCalls > 0 {
      bytes.append("\"content\":null")
    } else {
      appendText("content", plan, to: &bytes)
    }
    if plan.reasoningCount > 0 {
      bytes.append(",\"reasoning_content\":\"")
      for token in 0..<plan.reasoningCount where bytes.count < bytesMax {
        plan.parts.appendReasoningText(token, to: &bytes)
      }
      bytes.append("\"")
    }
    if plan.script.toolCalls > 0 {
      let calls = (0..<plan.script.toolCalls).map { call in
        var arguments: [UInt8] = []
        arguments.appendQuoted(ToolCall.arguments)
        return "{\"id\":\"\(ToolCall.id(call))\",\"type\":\"function\",\"function\":{\"name\":\"\(ToolCall.name)\","
          + "\"arguments\":\(String(decoding: arguments, as: UTF8.self))}}"
      }
      bytes.append(",\"tool_calls\":[\(calls.joined(separator: ","))]")
    }
    bytes.append("}")
  }

  private static func appendText(_ member: String, _ plan: StreamPlan, to bytes: inout [UInt8]) {
    bytes.append("\"\(member)\":\"")
    for token in 0..<plan.contentCount where bytes.count < bytesMax {
      plan.parts.appendContentText(token, to: &bytes)
    }
    bytes.append("\"")
  }
}
