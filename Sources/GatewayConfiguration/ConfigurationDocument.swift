internal import Yams

/// Turns YAML text into a ``ConfigurationNode`` tree, and everything that a careless or hostile file can do into a problem: NUL
/// bytes, tabs, duplicate keys, several documents, deep nesting, and aliases that expand without end.
///
/// Yams shares an aliased node instead of copying it, so a nest of aliases costs memory only here, where it is expanded and counted.
/// The one exception is a mapping key, which Yams hashes to its depth; ``hidesExpandingKey(_:)`` refuses such files beforehand.
struct ConfigurationDocument {
  /// Bytes of a file.
  static let bytesMax = 1024 * 1024
  /// Values in a file, after aliases are expanded.
  static let nodesMax = 100_000
  /// Values inside each other.
  static let depthMax = 32
  /// Aliases in a file that also has what may be a collection used as a key. So few cannot expand far: k aliases multiply a
  /// document at most e^(k/e) times, 360 for 16.
  static let aliasesWithKeysMax = 16

  private(set) var problems: [ConfigurationProblem] = []
  private let fileName: String
  private var nodeCount = 0

  init(fileName: String) { self.fileName = fileName }

  /// The root mapping; nil when there is none, and then there is a problem.
  mutating func parse(_ text: String) -> ConfigurationNode? {
    guard text.utf8.count <= Self.bytesMax else {
      report(.start, "the file has \(text.utf8.count) bytes", "At most \(Self.bytesMax) are read")
      return nil
    }
    if let place = Self.position(ofByte: 0, in: text) {
      report(place, "a NUL byte", "Save the file as UTF-8 text")
      return nil
    }
    guard !Self.hidesExpandingKey(text) else {
      report(.start, "many aliases together with a collection used as a key", "Use plain names as keys")
      return nil
    }
    do {
      guard let root = try Parser(yaml: text, encoding: .utf8).singleRoot() else {
        report(.start, "the file is empty", "See docs/configuration.md, or start without a file")
        return nil
      }
      return convertRoot(root)
    } catch {
      report(error, text: text)
      return nil
    }
  }

  // MARK: Conversion

  private mutating func convertRoot(_ root: Node) -> ConfigurationNode? {
    guard let node = convert(root, depth: 0) else { return nil }
    switch node.content {
    case .mapping: return node
    case .null: report(.start, "the file is empty", "See docs/configuration.md, or start without a file")
    case .text, .list:
      report(node.position, "the file holds \(node.kindInWords)", "Write keys such as `upstreams:` at its top")
    }
    return nil
  }

  private mutating func convert(_ node: Node, depth: Int) -> ConfigurationNode? {
    let position = Self.position(node.mark)
    nodeCount += 1
    guard nodeCount <= Self.nodesMax else {
      if nodeCount == Self.nodesMax + 1 {
        report(position, "more than \(Self.nodesMax) values, counted with aliases expanded", "Use fewer aliases")
      }
      return nil
    }
    guard depth <= Self.depthMax else {
      report(position, "values nested more than \(Self.depthMax) deep", "No key needs that")
      return nil
    }
    guard hasPlainTag(node) else {
      report(position, "a tag", "Leave tags such as !!binary out")
      return nil
    }
    switch node {
    case .scalar(let scalar): return convert(scalar, at: position)
    case .sequence(let sequence):
      return ConfigurationNode(
        content: .list(sequence.compactMap { convert($0, depth: depth + 1) }), position: position)
    case .mapping(let mapping):
      return ConfigurationNode(content: .mapping(entries(of: mapping, depth: depth)), position: position)
    case .alias:
      // The parser puts the aliased node itself in the tree; an alias without one is an error of its own.
      return nil
    }
  }

  private mutating func convert(_ scalar: Node.Scalar, at position: SourcePosition) -> ConfigurationNode? {
    let isPlain = scalar.style == .plain
    if isPlain, ["", "~", "null", "Null", "NULL"].contains(scalar.string) {
      return ConfigurationNode(content: .null, position: position)
    }
    guard
      !scalar.string.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\n" && $0 != "\t" || $0.value == 0x7F })
    else {
      report(position, "a control character", "Take it out")
      return nil
    }
    return ConfigurationNode(content: .text(scalar.string), position: position)
  }

  /// The entries with merges (`<<: *base`) done: an entry of the mapping itself goes before a merged one.
  private mutating func entries(of mapping: Node.Mapping, depth: Int) -> [ConfigurationNode.Entry] {
    var own: [ConfigurationNode.Entry] = []
    var merged: [ConfigurationNode.Entry] = []
    for (key, value) in mapping {
      let position = Self.position(key.mark)
      guard case .scalar(let scalar) = key else {
        report(position, "a key that is not a name", "Use plain names as keys")
        continue
      }
      guard let value = convert(value, depth: depth + 1) else { continue }
      if scalar.string == "<<", scalar.style == .plain {
        merge(value, into: &merged)
      } else {
        own.append(ConfigurationNode.Entry(key: scalar.string, position: position, value: value))
      }
    }
    guard !merged.isEmpty else { return own }
    let names = Set(own.map(\.key))
    return own + merged.filter { !names.contains($0.key) }
  }

  private mutating func merge(_ value: ConfigurationNode, into merged: inout [ConfigurationNode.Entry]) {
    switch value.content {
    case .mapping(let entries):
      let names = Set(merged.map(\.key))
      merged += entries.filter { !names.contains($0.key) }
    case .list(let values) where values.allSatisfy { if case .mapping = $0.content { true } else { false } }:
      for value in values { merge(value, into: &merged) }
    default: report(value.position, "`<<` merges mappings, not \(value.kindInWords)", "Write `<<: *name`")
    }
  }

  private func hasPlainTag(_ node: Node) -> Bool {
    switch node {
    case .scalar(let scalar): ["", "!", "tag:yaml.org,2002:str"].contains(scalar.tag.rawValue)
    case .sequence(let sequence): ["", "!", "tag:yaml.org,2002:seq"].contains(sequence.tag.rawValue)
    case .mapping(let mapping): ["", "!", "tag:yaml.org,2002:map"].contains(mapping.tag.rawValue)
    case .alias: true
    }
  }

  // MARK: Problems

  private mutating func report(_ position: SourcePosition, _ message: String, _ mend: String) {
    problems.append(
      ConfigurationProblem(
        file: fileName, line: position.line, column: position.column, path: "", message: message, mend: mend))
  }

  private mutating func report(_ error: any Error, text: String) {
    switch error as? YamlError {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let words = [context?.text, problem].compactMap { $0 }.joined(separator: ", ")
      report(Self.position(mark), "not YAML: \(words)", mend(for: problem, atLine: mark.line, of: text))
    case .reader(let problem, let offset, _, _):
      let place = offset.flatMap { Self.position(ofCharacter: $0, in: text) } ?? .start
      report(place, "not YAML: \(problem)", "Save the file as UTF-8 text")
    case .duplicatedKeysInMapping(let duplicates, let context):
      reportDuplicates(duplicates, first: Self.position(context.mark), text: text)
    default: report(.start, "not YAML", "Check the file with another YAML reader")
    }
  }

  private func mend(for problem: String, atLine line: Int, of text: String) -> String {
    if problem.contains("another document") { return "Write one document; leave `---` out" }
    if problem.contains("undefined alias") {
      return "Write a name that begins with `*` in quotes, or set its anchor `&name` before this line"
    }
    let lines = text.split(separator: "\n", maxSplits: line, omittingEmptySubsequences: false)
    guard line >= 1, line <= lines.count else { return "" }
    let words = lines[line - 1]
    if words.contains("${") { return "Inside { } and [ ] write a variable in quotes: \"${NAME}\"" }
    if words.contains("\t") { return "Indent with spaces; YAML refuses tabs" }
    return ""
  }

  /// Yams tells where the key stood first; the second place is looked for in the text, in the same column (block) or line (flow).
  private mutating func reportDuplicates(_ names: [String], first: SourcePosition, text: String) {
    let name = names.first ?? ""
    let words = String(name.prefix(64))
    guard let second = Self.repeats(of: name, after: first, in: text) else {
      report(first, "the key \(words) stands twice in one mapping", "Keep one")
      return
    }
    report(
      second, "the key \(words) stands twice, first in line \(first.line), again in line \(second.line)", "Keep one")
  }

  private static func repeats(of name: String, after first: SourcePosition, in text: String) -> SourcePosition? {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard first.line >= 1, first.line <= lines.count else { return nil }
    for (index, line) in lines.enumerated().dropFirst(first.line) {
      let indent = line.prefix { $0 == " " || $0 == "-" }.unicodeScalars.count
      if indent + 1 == first.column, keyName(line.dropFirst(indent)) == name {
        return SourcePosition(line: index + 1, column: first.column)
      }
    }
    var column = 1
    var rest = lines[first.line - 1].unicodeScalars[...]
    while let scalar = rest.first {
      if column > first.column, scalar != " ", keyName(Substring(rest)) == name {
        return SourcePosition(line: first.line, column: column)
      }
      rest = rest.dropFirst()
      column += 1
    }
    return nil
  }

  /// The text before the first colon, quotes taken off.
  private static func keyName(_ text: Substring) -> String? {
    guard let colon = text.firstIndex(of: ":") else { return nil }
    var name = text[..<colon]
    while name.last == " " { name = name.dropLast() }
    if let quote = name.first, quote == "\"" || quote == "'", name.count >= 2, name.last == quote {
      name = name.dropFirst().dropLast()
    }
    return String(name)
  }

  // MARK: Places

  private static func position(_ mark: Mark?) -> SourcePosition {
    mark.map { SourcePosition(line: $0.line, column: $0.column) } ?? .start
  }

  private static func position(ofByte byte: UInt8, in text: String) -> SourcePosition? {
    guard let index = text.utf8.firstIndex(of: byte) else { return nil }
    return position(before: text[..<index])
  }

  private static func position(ofCharacter offset: Int, in text: String) -> SourcePosition? {
    text.index(text.startIndex, offsetBy: offset, limitedBy: text.endIndex).map { position(before: text[..<$0]) }
  }

  private static func position(before text: Substring) -> SourcePosition {
    let line = text.utf8.lazy.filter { $0 == 0x0A }.count + 1
    let lineStart = text.utf8.lastIndex(of: 0x0A).map { text.utf8.index(after: $0) } ?? text.startIndex
    return SourcePosition(line: line, column: text[lineStart...].unicodeScalars.count + 1)
  }

  /// Whether the text may hold a collection as a mapping key in a file with more than ``aliasesWithKeysMax`` aliases. A guess to
  /// the safe side, on bytes: what stands in quotes counts too.
  static func hidesExpandingKey(_ text: String) -> Bool {
    var aliases = 0
    var hasCollectionKey = false
    let bytes = Array(text.utf8)
    var variableDepth = 0
    for (index, byte) in bytes.enumerated() {
      let before = index > 0 ? bytes[index - 1] : 0x0A
      let after = index + 1 < bytes.count ? bytes[index + 1] : 0x0A
      switch byte {
      case UInt8(ascii: "{") where before == UInt8(ascii: "$"): variableDepth = 1
      case UInt8(ascii: "}") where variableDepth > 0: variableDepth = 0
      case UInt8(ascii: "*") where ASCII.isLetterOrDigit(after) || "-_".utf8.contains(after):
        guard " \t\r\n[{,:?-".utf8.contains(before) else { continue }
        aliases += 1
        let end = bytes[(index + 1)...].firstIndex { !ASCII.isLetterOrDigit($0) && !"-_".utf8.contains($0) }
        if let end, isColon(after: end, in: bytes) { hasCollectionKey = true }
      case UInt8(ascii: "?") where " \t\r\n".utf8.contains(after): hasCollectionKey = true
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        if isColon(after: index + 1, in: bytes) { hasCollectionKey = true }
      default: break
      }
    }
    return hasCollectionKey && aliases > aliasesWithKeysMax
  }

  /// Whether the next byte from there on that is no white space is a colon.
  private static func isColon(after start: Int, in bytes: [UInt8]) -> Bool {
    var index = start
    while index < bytes.count, " \t\r\n".utf8.contains(bytes[index]) { index += 1 }
    return index < bytes.count && bytes[index] == UInt8(ascii: ":")
  }
}
