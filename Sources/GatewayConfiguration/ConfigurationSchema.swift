/// The JSON schema (draft 2020-12), `docs/configuration.schema.json`, printed from the rows of the keys.
///
/// It describes the file as an editor sees it, before variables: wherever a number or a word of a fixed set may stand, so may a text
/// with a `${…}` in it.
public enum ConfigurationSchema {
  /// The whole schema, indented.
  public static var json: String {
    let root = Tree(keys: GatewaySettings.configurationKeys)
    var object = root.object()
    object.insert(("$schema", .text("https://json-schema.org/draft/2020-12/schema")), at: 0)
    object.insert(("title", .text("Sluice configuration")), at: 1)
    return JSONText.object(object).lines(indent: 0) + "\n"
  }

  /// The keys below one place.
  private struct Tree {
    let keys: [ConfigurationKey]

    func object() -> [(String, JSONText)] {
      let own = keys.filter { !$0.path.contains(".") && !$0.path.contains("[") }
      let properties = own.map { key in (key.path, schema(of: key)) }
      var object: [(String, JSONText)] = [
        ("type", .text("object")), ("additionalProperties", .boolean(false)), ("properties", .object(properties)),
      ]
      let required = own.filter(\.isRequired).map { JSONText.text($0.path) }
      if !required.isEmpty { object.append(("required", .array(required))) }
      return object
    }

    private func below(_ prefix: String) -> Tree {
      Tree(
        keys: keys.filter { $0.path.hasPrefix(prefix) }.map { key in
          var key = key
          key.path = String(key.path.dropFirst(prefix.count))
          return key
        })
    }

    private func schema(of key: ConfigurationKey) -> JSONText {
      var schema = schema(of: key.kind, at: key.path)
      schema.append(("description", .text(key.sentence)))
      if let text = key.defaultText { schema.append(("default", defaultValue(text, key.kind))) }
      return .object(schema)
    }

    private func defaultValue(_ text: String, _ kind: ConfigurationValueKind) -> JSONText {
      switch kind {
      case .boolean: .boolean(text == "true")
      case .integer, .decimal: Int(text).map(JSONText.integer) ?? .text(text)
      case .list where text.hasPrefix("["):
        .array(text.dropFirst().dropLast().split(separator: ",").map { .text(String($0.drop { $0 == " " })) })
      default: .text(text)
      }
    }

    private func schema(of kind: ConfigurationValueKind, at path: String) -> [(String, JSONText)] {
      switch kind {
      case .boolean: orVariable([("type", .text("boolean"))])
      case .integer(let range): orVariable(integer(range))
      case .decimal(let range):
        orVariable([
          ("type", .text("number")), ("minimum", .integer(range.lowerBound / DecimalText.scale)),
          ("maximum", .integer(range.upperBound / DecimalText.scale)),
        ])
      case .currency: orVariable([("type", .text("string")), ("pattern", .text("^[A-Z]{3}$"))])
      case .window(let words, _):
        either([[("enum", .array(words.map(JSONText.text)))], Self.duration, Self.variable])
      case .subject(let words, let named):
        orVariable([
          ("type", .text("string")),
          ("pattern", .text("^(\(words.joined(separator: "|"))|(\(named.joined(separator: "|"))):.+)$")),
        ])
      case .patternsByName:
        [
          ("type", .text("object")),
          ("additionalProperties", .object(schema(of: .oneOrMore(.pattern), at: path))),
        ]
      case .size(let range):
        either([
          integer(range), [("type", .text("string")), ("pattern", .text("^[0-9]+([KMG]i?B|B)?$"))], Self.variable,
        ])
      case .duration:
        orVariable(Self.duration)
      case .choice(let words): orVariable([("enum", .array(words.map(JSONText.text)))])
      case .text, .secret, .address, .block, .url, .path, .upstreamName, .consumerName, .modelName, .pattern:
        [("type", .text("string"))]
      case .list(let kind): [("type", .text("array")), ("items", .object(schema(of: kind, at: path)))]
      case .oneOrMore(let kind): either([schema(of: kind, at: path), schema(of: .list(kind), at: path)])
      case .secretsByName:
        [("type", .text("object")), ("additionalProperties", .object([("type", .text("string"))]))]
      case .section(let short):
        short.isEmpty
          ? below(path + ".").object()
          // An editor's YAML reader may take `off` for false, so both are named.
          : either([
            below(path + ".").object(), [("enum", .array(short.map(JSONText.text) + [.boolean(false)]))],
          ])
      case .sectionsByName:
        [("type", .text("object")), ("additionalProperties", .object(below(path + ".*.").object()))]
      case .sections(let orText, let elementsOrText): sections(path, orText, elementsOrText)
      }
    }

    private func sections(_ path: String, _ orText: Bool, _ elementsOrText: Bool) -> [(String, JSONText)] {
      let element = below(path + "[].").object()
      let items = elementsOrText ? either([element, [("type", .text("string"))]]) : element
      let list: [(String, JSONText)] = [("type", .text("array")), ("items", .object(items))]
      return !orText ? list : either([list, [("type", .text("string"))]])
    }

    private func integer(_ range: ClosedRange<Int>) -> [(String, JSONText)] {
      [("type", .text("integer")), ("minimum", .integer(range.lowerBound)), ("maximum", .integer(range.upperBound))]
    }

    private func orVariable(_ schema: [(String, JSONText)]) -> [(String, JSONText)] { either([schema, Self.variable]) }

    private func either(_ schemas: [[(String, JSONText)]]) -> [(String, JSONText)] {
      [("anyOf", .array(schemas.map(JSONText.object)))]
    }

    private static let duration: [(String, JSONText)] = [
      ("type", .text("string")), ("pattern", .text("^([0-9]+(\\.[0-9]{1,6})?(us|ms|s|m|h|d))+$")),
    ]

    private static let variable: [(String, JSONText)] = [
      ("type", .text("string")), ("pattern", .text("\\$\\{[A-Za-z_]")),
    ]
  }
}

/// Just enough JSON to print a schema, with members in the order given.
private indirect enum JSONText: Sendable {
  case text(String)
  case integer(Int)
  case boolean(Bool)
  case array([JSONText])
  case object([(String, JSONText)])

  func lines(indent: Int) -> String {
    let inner = String(repeating: " ", count: indent + 2)
    let outer = String(repeating: " ", count: indent)
    switch self {
    case .text(let text): return Self.quoted(text)
    case .integer(let number): return "\(number)"
    case .boolean(let flag): return flag ? "true" : "false"
    case .array(let values):
      let isShort = values.allSatisfy { if case .object = $0 { false } else { true } }
      if isShort { return "[" + values.map { $0.lines(indent: 0) }.joined(separator: ", ") + "]" }
      return "[\n" + values.map { inner + $0.lines(indent: indent + 2) }.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let members):
      let body = members.map { "\(inner)\(Self.quoted($0.0)): \($0.1.lines(indent: indent + 2))" }
      return members.isEmpty ? "{}" : "{\n" + body.joined(separator: ",\n") + "\n\(outer)}"
    }
  }

  /// The texts here are our own: without control characters.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for character in text {
      if character == "\"" || character == "\\" { result.append("\\") }
      result.append(character)
    }
    return result + "\""
  }
}
