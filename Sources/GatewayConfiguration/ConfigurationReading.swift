/// What is carried along while a document is read: where problems go, and where variables and hashes come from.
struct ConfigurationReading {
  let fileName: String
  let variables: (String) -> String?
  /// SHA-256, given by the caller, so that this floor needs no cryptography.
  let hashKey: (String) -> [UInt8]
  /// Whether there is a time zone of that name; nobody on this floor knows.
  let knowsTimeZone: (String) -> Bool
  private(set) var problems: [ConfigurationProblem] = []
  /// Where each value stands, by its path; the checks that look at several keys report there.
  private(set) var positions: [String: SourcePosition] = [:]

  init(
    fileName: String, variables: @escaping (String) -> String?, hashKey: @escaping (String) -> [UInt8],
    knowsTimeZone: @escaping (String) -> Bool
  ) {
    self.fileName = fileName
    self.variables = variables
    self.hashKey = hashKey
    self.knowsTimeZone = knowsTimeZone
  }

  mutating func note(_ position: SourcePosition, for path: String) { positions[path] = position }

  mutating func report(_ position: SourcePosition, _ path: String, _ message: String, _ mend: String = "") {
    problems.append(
      ConfigurationProblem(
        file: fileName, line: position.line, column: position.column, path: path, message: message, mend: mend))
  }

  /// Reports at the value of that path, or at the nearest value around it.
  mutating func report(at path: String, _ message: String, _ mend: String = "") {
    var place = path[...]
    while positions[String(place)] == nil, let end = place.lastIndex(where: { $0 == "." || $0 == "[" }) {
      place = place[..<end]
    }
    report(positions[String(place)] ?? .start, path, message, mend)
  }

  /// The text of a single value with its variables put in; nil with a problem reported when it is none.
  mutating func text(_ node: ConfigurationNode, _ path: String, expected: String) -> VariableExpansion.Expanded? {
    guard case .text(let text) = node.content else {
      report(node.position, path, "expected \(expected), found \(node.kindInWords)")
      return nil
    }
    do {
      return try VariableExpansion.expand(text, variables: variables)
    } catch {
      switch error {
      case .missing(let name):
        report(
          node.position, path, "the environment variable \(name) is not set", "Set it, or write ${\(name):-default}")
      case .unclosed: report(node.position, path, "`${` without `}`", "Write ${NAME}, or $$ for a dollar sign")
      case .badName:
        report(node.position, path, "not a variable's name between `${` and `}`", "Write ${NAME} or ${NAME:-default}")
      }
      return nil
    }
  }

  /// The text in words for a message: shortened, and hidden when a variable gave part of it.
  static func shown(_ value: VariableExpansion.Expanded) -> String {
    guard !value.usesVariable else { return "the variable's value" }
    let short = value.text.prefix(40)
    return short.count < value.text.count ? "`\(short)…`" : "`\(short)`"
  }
}
