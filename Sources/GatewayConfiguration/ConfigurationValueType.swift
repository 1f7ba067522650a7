/// How one kind of value is read and shown.
struct ConfigurationValueType<Value: Sendable>: Sendable {
  let kind: ConfigurationValueKind
  /// Gives nil after it has reported a problem.
  let read: @Sendable (ConfigurationNode, String, inout ConfigurationReading) -> Value?
  /// The value as one would write it; nil when there is nothing to write.
  let show: @Sendable (Value) -> String?
}

/// A type read from a single text.
private func single<Value: Sendable>(
  _ kind: ConfigurationValueKind, expected: String, mend: String = "", shown: Bool = true,
  parse: @escaping @Sendable (String) -> Value?, show: @escaping @Sendable (Value) -> String?
) -> ConfigurationValueType<Value> {
  ConfigurationValueType(kind: kind) { node, path, reading in
    guard let text = reading.text(node, path, expected: expected) else { return nil }
    guard let value = parse(text.text) else {
      let found = shown ? ", found \(ConfigurationReading.shown(text))" : ""
      reading.report(node.position, path, "expected \(expected)\(found)", mend)
      return nil
    }
    return value
  } show: {
    show($0)
  }
}

/// A type whose values must lie in a range.
func ranged<Value: Sendable & Comparable>(
  _ kind: ConfigurationValueKind, _ range: ClosedRange<Value>, expected: String, mend: String,
  parse: @escaping @Sendable (String) -> Value?, words: @escaping @Sendable (Value) -> String
) -> ConfigurationValueType<Value> {
  let base = single(kind, expected: expected, mend: mend, parse: parse, show: { words($0) })
  return ConfigurationValueType(kind: kind) { node, path, reading in
    guard let value = base.read(node, path, &reading) else { return nil }
    guard range.contains(value) else {
      reading.report(
        node.position, path, "\(words(value)) is out of range",
        "Give \(words(range.lowerBound)) to \(words(range.upperBound))")
      return nil
    }
    return value
  } show: {
    words($0)
  }
}

extension ConfigurationValueType where Value == Bool {
  static var boolean: Self {
    single(
      .boolean, expected: "true or false", mend: "Write true or false; yes, no, on and off are not taken",
      parse: { $0 == "true" ? true : $0 == "false" ? false : nil }, show: { "\($0)" })
  }
}

extension ConfigurationValueType where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> Self {
    ranged(
      .integer(range), range, expected: "a whole number", mend: "",
      parse: { text in text.first == "+" ? nil : Int(text) }, words: { "\($0)" })
  }

  static func size(_ range: ClosedRange<Int>) -> Self {
    ranged(
      .size(range), range, expected: "a size",
      mend: "Write bytes, or a unit: KiB, MiB, GiB, KB, MB, GB; for example 32MiB",
      parse: UnitText.size, words: { UnitText.words($0) })
  }
}

extension ConfigurationValueType where Value == Duration {
  static func duration(_ range: ClosedRange<Duration>) -> Self {
    ranged(
      .duration(range), range, expected: "a time",
      mend: "Write a number with its unit: ms, s, m, h, d; for example 30s",
      parse: UnitText.duration, words: { UnitText.words($0) })
  }
}

extension ConfigurationValueType where Value == String {
  /// Bytes of a name or a file path.
  static var textBytesMax: Int { 4096 }

  static func text(_ kind: ConfigurationValueKind = .text) -> Self {
    single(
      kind, expected: "a text of 1 to \(textBytesMax) bytes",
      parse: { $0.isEmpty || $0.utf8.count > textBytesMax ? nil : $0 }, show: { $0 })
  }
}

extension ConfigurationValueType where Value == String? {
  /// A text that may be left out.
  static var optionalText: Self { .optional(.text()) }
}

extension ConfigurationValueType where Value == Secret {
  static var secret: Self {
    ConfigurationValueType(kind: .secret) { node, path, reading in
      guard let text = reading.text(node, path, expected: "a text") else { return nil }
      guard !text.text.isEmpty else {
        reading.report(
          node.position, path, "the value is empty",
          text.usesVariable ? "Its environment variable is set but empty" : "Write \"${NAME}\"")
        return nil
      }
      guard text.text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        reading.report(
          node.position, path, "the value has a space or a character that no header may carry", "Is a line end in it?")
        return nil
      }
      return Secret(text.text)
    } show: { _ in
      nil
    }
  }
}

extension ConfigurationValueType
where Value: CaseIterable & RawRepresentable, Value.RawValue == String, Value.AllCases: Sendable {
  static var choice: Self {
    let words = Value.allCases.map(\.rawValue)
    return ConfigurationValueType(kind: .choice(words)) { node, path, reading in
      let expected = "one of " + words.joined(separator: ", ")
      guard let text = reading.text(node, path, expected: expected) else { return nil }
      guard let value = Value(rawValue: text.text) else {
        let near = text.usesVariable ? nil : NearestName.nearest(to: text.text, among: words).first
        reading.report(
          node.position, path, "expected \(expected), found \(ConfigurationReading.shown(text))",
          near.map { "Did you mean \($0)?" } ?? "")
        return nil
      }
      return value
    } show: {
      $0.rawValue
    }
  }
}

extension ConfigurationValueType where Value == ListenAddress {
  static var address: Self {
    single(
      .address, expected: "host:port", mend: "For example 127.0.0.1:8080 or \"[::1]:8080\"",
      parse: { ListenAddress($0) }, show: { $0.description })
  }
}

extension ConfigurationValueType where Value == String {
  /// A host's name or address without port.
  static var hostName: Self {
    single(
      .text, expected: "a host without port", mend: "For example admin.example.com or 10.1.2.3",
      parse: { HostName.isValid($0) || IPAddress($0)?.isIPv6 == true ? $0 : nil }, show: { $0 })
  }
}

extension ConfigurationValueType where Value == CIDR {
  static var block: Self {
    single(
      .block, expected: "an address block",
      mend: "For example 10.0.0.0/8 with no bits set beyond the prefix, or 10.1.2.3",
      parse: { CIDR($0) }, show: { $0.description })
  }
}

extension ConfigurationValueType where Value == UpstreamURL {
  /// A wrong URL is not shown: it may have a password in it.
  static var url: Self {
    single(
      .url, expected: "a base URL",
      mend: "Write http:// or https://, a host, perhaps a port and a path such as /v1; no user name, no `?`",
      shown: false, parse: { UpstreamURL($0) }, show: { $0.description })
  }
}

extension ConfigurationValueType where Value == ProviderPreset? {
  static var provider: Self {
    let words = ProviderPreset.all.map(\.name)
    return ConfigurationValueType(kind: .choice(words)) { node, path, reading in
      guard let text = reading.text(node, path, expected: "a provider's name") else { return nil }
      guard let preset = ProviderPreset.named(text.text) else {
        let near = text.usesVariable ? nil : NearestName.nearest(to: text.text, among: words).first
        reading.report(
          node.position, path, "\(ConfigurationReading.shown(text)) is no known provider",
          near.map { "Did you mean \($0)?" }
            ?? "Write openai-compatible with a baseURL, or one of \(words.joined(separator: ", "))")
        return nil
      }
      return preset
    } show: {
      $0?.name
    }
  }
}

extension ConfigurationValueType {
  /// A value that may be left out; nil is shown as nothing.
  static func optional<Wrapped>(_ type: ConfigurationValueType<Wrapped>) -> Self where Value == Wrapped? {
    ConfigurationValueType(kind: type.kind) { node, path, reading in
      type.read(node, path, &reading).map { .some($0) }
    } show: {
      $0.flatMap(type.show)
    }
  }

  /// Several values in a list.
  static func list<Element>(of type: ConfigurationValueType<Element>, orOne: Bool = false) -> Self
  where Value == [Element] {
    ConfigurationValueType(kind: orOne ? .oneOrMore(type.kind) : .list(type.kind)) { node, path, reading in
      switch node.content {
      case .list(let nodes):
        var values: [Element] = []
        for (index, node) in nodes.enumerated() {
          reading.note(node.position, for: "\(path)[\(index)]")
          if let value = type.read(node, "\(path)[\(index)]", &reading) { values.append(value) }
        }
        return values
      case .text where orOne: return type.read(node, path, &reading).map { [$0] }
      default:
        reading.report(
          node.position, path, "expected a list, found \(node.kindInWords)",
          "Write [first, second], or one a line after `- `")
        return nil
      }
    } show: { values in
      let words = values.compactMap(type.show)
      if type.kind.isSecret || words.isEmpty { return nil }
      return orOne && words.count == 1 ? words[0] : "[\(words.joined(separator: ", "))]"
    }
  }
}
