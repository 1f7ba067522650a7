/// Puts environment variables into a text: `${NAME}`, `${NAME:-default}` (the default also for an empty variable, as in a shell), and
/// `$$` for a dollar sign. A dollar sign before anything else stands for itself, so that a regular expression may end with one.
struct VariableExpansion {
  enum Failure: Error, Equatable {
    case missing(name: String)
    case unclosed
    case badName
  }

  /// The text, and whether a variable gave part of it: then it may be a secret and is not to be shown.
  struct Expanded: Equatable {
    var text: String
    var usesVariable: Bool
  }

  static func expand(_ text: String, variables: (String) -> String?) throws(Failure) -> Expanded {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return Expanded(text: text, usesVariable: false) }
    var result = Expanded(text: "", usesVariable: false)
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result.text += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      if rest.first == "$" {
        result.text += "$"
        rest = rest.dropFirst()
      } else if rest.first == "{" {
        guard let close = rest.firstIndex(of: "}") else { throw .unclosed }
        result.text += try value(of: rest[rest.index(after: rest.startIndex)..<close], variables: variables)
        result.usesVariable = true
        rest = rest[rest.index(after: close)...]
      } else {
        result.text += "$"
      }
    }
    result.text += rest
    return result
  }

  private static func value(of reference: Substring, variables: (String) -> String?) throws(Failure) -> String {
    let name = reference.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_" }
    guard let first = name.first, !first.isNumber else { throw .badName }
    let value = variables(String(name))
    let rest = reference.dropFirst(name.count)
    if rest.hasPrefix(":-") { return value.flatMap { $0.isEmpty ? nil : $0 } ?? String(rest.dropFirst(2)) }
    guard rest.isEmpty else { throw .badName }
    guard let value else { throw .missing(name: String(name)) }
    return value
  }
}
