internal import ChatProtocol

/// Anthropic's error object, as a document and as an event.
enum AnthropicErrors {
  static func body(_ error: GatewayError) -> [UInt8] {
    Array(#"{"type":"error","error":{"type":"\#(type(of: error))","message":"#.utf8) + JSONText.quoted(error.message)
      + Array(#","code":"\#(error.code)"}}"#.utf8)
  }

  static func event(_ error: GatewayError) -> [UInt8] {
    Array(#"event: error\#ndata: {"type":"error","error":{"type":"\#(type(of: error))","message":"#.utf8)
      + JSONText.quoted(error.message) + Array(#"},"code":"\#(error.code)"}\#n\#n"#.utf8)
  }

  /// `error.type` for the status.
  private static func type(of error: GatewayError) -> StaticString {
    switch error.status {
    case 401: "authentication_error"
    case 403: "permission_error"
    case 404: "not_found_error"
    case 413: "request_too_large"
    case 429: "rate_limit_error"
    case 503: "overloaded_error"
    case 400..<500: "invalid_request_error"
    default: "api_error"
    }
  }
}
