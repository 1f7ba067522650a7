import TestKit

/// Writes random requests out of the words of all endpoints, at places where they belong and where they do not.
enum PromptWriter {
  static func request(_ generator: inout SeededGenerator) -> String {
    let members = [("messages", 5), ("tools", 3), ("system", 2), ("instructions", 1), ("prompt", 2), ("input", 3)]
      .filter { _ in generator.int(in: 0...3) > 0 }
      .map { name, depth in
        // `tools` must be a list.
        let value = name == "tools" ? "[\(value(depth, &generator))]" : value(depth, &generator)
        return #""\#(name)":\#(value)"#
      }
    return "{" + (members + [#""model":"m""#]).joined(separator: ",") + "}"
  }

  private static let keys = [
    "role", "content", "type", "text", "name", "tool_calls", "function", "arguments", "input", "source", "data",
    "image_url", "detail", "refusal", "reasoning_content", "thinking", "output", "summary", "parameters", "properties",
    "items", "enum", "description", "input_schema", "anyOf", "file", "input_audio", "function_call", "x", #"ro\u006ce"#,
  ]
  private static let words = [
    "user", "assistant", "system", "tool", "text", "image_url", "tool_use", "document", "low", "function_call_output",
    "the quick brown fox. ", "你好世界", #"\u4f60\n"#, #"\ud83d\ude00"#, #"\"\\\/"#, "data:image/png;base64,AAAA", ".", "",
    "Größe 🚀", "2024",
  ]

  private static func value(_ depth: Int, _ generator: inout SeededGenerator) -> String {
    let space = generator.element(of: ["", "", " ", "\n\t"]) ?? ""
    switch generator.int(in: 0...(depth > 0 ? 9 : 4)) {
    case 0: return (generator.element(of: ["null", "true", "17", "-1.5e3"]) ?? "0") + space
    case 1...4:
      let text = (0..<generator.int(in: 0...4)).compactMap { _ in generator.element(of: words) }.joined()
      return #""\#(text)""# + space
    case 5...6:
      return "[" + space
        + (0..<generator.int(in: 0...4)).map { _ in value(depth - 1, &generator) }.joined(separator: ",") + "]"
    default:
      let members = (0..<generator.int(in: 0...5)).map { _ in
        #""\#(generator.element(of: keys) ?? "x")""# + space + ":" + space + value(depth - 1, &generator)
      }
      return "{" + members.joined(separator: "," + space) + space + "}"
    }
  }
}
