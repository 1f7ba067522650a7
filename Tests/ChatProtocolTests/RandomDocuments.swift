import TestKit

extension SeededGenerator {
  mutating func pick<Element>(_ items: [Element]) -> Element {
    items[Int.random(in: 0..<items.count, using: &self)]
  }

  /// A random JSON value of at most `depth` containers, with every kind of string, number and whitespace.
  mutating func document(_ depth: Int) -> String {
    let kind = Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &self)
    let space = pick(["", "", "", " ", "\n", "\t", "\r\n  "])
    switch kind {
    case 0: return space + pick(["true", "false", "null"])
    case 1: return pick(["0", "-0", "7", "-12.5", "1e9", "0.1E-2", "123456789012345678901", "1E+2"]) + space
    case 2...4: return space + string()
    case 5: return "[" + space + list(depth) { $0.document(depth - 1) } + "]"
    default:
      return "{" + list(depth) { $0.string() + space + ":" + $0.document(depth - 1) } + space + "}"
    }
  }

  mutating func string() -> String {
    let parts = [
      "a", "model", "stream", "usage", "choices", "content", " ", "\\n", "\\\"", "\\\\", "\\u0041", "\\ud83d\\ude00",
      "é", "漢字", "🙂", "{", "]", ":", ",", "\\/", "long enough to fill several machine words",
    ]
    return "\"" + (0..<Int.random(in: 0..<5, using: &self)).map { _ in pick(parts) }.joined() + "\""
  }

  private mutating func list(_ depth: Int, _ item: (inout SeededGenerator) -> String) -> String {
    var items: [String] = []
    for _ in 0..<Int.random(in: 0..<4, using: &self) { items.append(item(&self)) }
    return items.joined(separator: pick([",", ", ", " ,\n"]))
  }
}
