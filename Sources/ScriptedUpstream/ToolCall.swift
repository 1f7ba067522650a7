/// The tool calls of a scripted answer: each the same function, its arguments in pieces that are no JSON of their own.
enum ToolCall {
  static let name = "get_weather"
  private static let pieces = ["{", "\"city\"", ":\"Lyon\",", "\"unit\":\"cel", "sius\"", "}"]

  /// Events of one call: the name, then the arguments.
  static var eventCount: Int { pieces.count + 1 }

  /// The arguments in one piece.
  static var arguments: String { pieces.joined() }

  static func id(_ call: Int) -> String { "call_scripted_\(call)" }

  /// The delta of the `event`-th event over all calls.
  static func delta(_ event: Int) -> [UInt8] {
    let (call, piece) = event.quotientAndRemainder(dividingBy: eventCount)
    var bytes: [UInt8] = []
    bytes.append("{\"tool_calls\":[{\"index\":\(call),")
    if piece == 0 {
      bytes.append("\"id\":\"\(id(call))\",\"type\":\"function\",")
      bytes.append("\"function\":{\"name\":\"\(name)\",\"arguments\":\"\"}")
    } else {
      bytes.append("\"function\":{\"arguments\":")
      bytes.appendQuoted(pieces[piece - 1])
      bytes.append("}")
    }
    bytes.append("}]}")
    return bytes
  }
}
