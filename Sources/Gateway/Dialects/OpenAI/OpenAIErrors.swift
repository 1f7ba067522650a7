internal import ChatProtocol

/// OpenAI's error object, as a document and as an event.
enum OpenAIErrors {
  static func body(_ error: GatewayError) -> [UInt8] {
    var bytes = Array(#"{"error":{"message":"#.utf8)
    JSONText.append(quoted: error.message, to: &bytes)
    bytes += Array(#","type":"\#(error.type)","param":"#.utf8)
    if let param = error.param {
      JSONText.append(quoted: param, to: &bytes)
    } else {
      bytes += Array("null".utf8)
    }
    bytes += Array(#","code":"\#(error.code)"}}"#.utf8)
    return bytes
  }

  static func event(_ error: GatewayError) -> [UInt8] { Array("data: ".utf8) + body(error) + Array("\n\n".utf8) }
}
