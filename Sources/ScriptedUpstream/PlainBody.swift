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
    switch plan.script.fault {
    case .errorEvent: error(status: 500)
    case .malformed: Array("{\"id\":\"chatcmpl-scripted\",\"choices\":[{\"message\":{\"content\":\"open".utf8)
    default: plan.dialect.plain()
    }
  }
}
