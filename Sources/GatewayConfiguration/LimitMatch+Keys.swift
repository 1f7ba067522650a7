/// Conditions as far as they have been read.
struct LimitMatchDraft: Sendable {
  var consumer: [LimitPattern]?
  var key: [KeyDigest]?
  var model: [LimitPattern]?
  var upstream: [LimitPattern]?
  var route: [LimitPattern]?
  var client: [CIDR]?
  var named: [LimitCondition] = []

  private static let patterns = ConfigurationValueType<[LimitPattern]?>.optional(.oneOrMore(of: .pattern))

  static let section = ConfigurationSection<LimitMatchDraft>(fields: [
    .value("consumer", \.consumer, patterns, default: Self(), "The consumer's name; `anonymous` without a key."),
    .value(
      "key", \.key, .optional(.oneOrMore(of: .keyDigest)), default: Self(),
      "The key, written as in `consumers`."),
    .value(
      "model", \.model, patterns, default: Self(),
      "The model that is to serve it: an alias counts as its model, and what a pattern serves by the name that was asked for."
    ),
    .value("upstream", \.upstream, patterns, default: Self(), "The upstream that is to serve it."),
    .value(
      "route", \.route, patterns, default: Self(),
      "The request's path such as `/v1/embeddings`; for an entry of `routes` its `path` or `pathPrefix`. No regular expressions."
    ),
    .value(
      "client", \.client, .optional(.oneOrMore(of: .block)), default: Self(),
      "The client's address, behind `server.trustedProxies`."),
    .named("header", "Header fields; letter case of the name does not count.") { .header($0.lowercased()) },
    .named("query", "Parameters of the request's query.") { .query($0) },
    .named("cookie", "Cookies.") { .cookie($0) },
  ])

  /// The match; nil when a route is written as no path can be, which is then reported.
  func match(_ path: String, _ reading: inout ConfigurationReading) -> LimitMatch? {
    for (index, pattern) in (route ?? []).enumerated() where !Self.mayBeRoute(pattern) {
      let place = "\(path).route"
      reading.report(
        at: reading.positions["\(place)[\(index)]"] == nil ? place : "\(place)[\(index)]", "not a request path",
        "Write /v1/… or the beginning of one with `*`")
      return nil
    }
    let plain: [(LimitSubject, [LimitPattern]?)] = [
      (.consumer, consumer), (.key, key?.map { .exact($0.hexadecimal) }), (.model, model), (.upstream, upstream),
      (.route, route?.map(Self.routePattern)), (.client, client?.map { .network($0) }),
    ]
    return LimitMatch(plain.compactMap { subject, patterns in patterns.map { LimitCondition(subject, $0) } } + named)
  }

  /// A path may begin and end with a slash: here that is no regular expression.
  private static func routePattern(_ pattern: LimitPattern) -> LimitPattern {
    if case .regex(let text) = pattern { .exact("/\(text)/") } else { pattern }
  }

  private static func mayBeRoute(_ pattern: LimitPattern) -> Bool {
    switch routePattern(pattern) {
    case .exact(let text), .prefix(let text):
      text.hasPrefix("/") && text.utf8.allSatisfy { ASCII.isLetterOrDigit($0) || "-._~/:@".utf8.contains($0) }
    case .any: true
    case .network, .regex: false
    }
  }
}

extension KeyDigest {
  /// 64 hexadecimal digits, small letters.
  public var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

extension ConfigurationField where Root == LimitMatchDraft {
  /// Headers that carry the client's key: their text must reach no counter's name.
  static var keyHeaders: Set<String> { ["authorization", "proxy-authorization", "x-api-key", "api-key"] }

  fileprivate static func named(
    _ name: String, _ sentence: String, _ subject: @escaping @Sendable (String) -> LimitSubject
  ) -> Self {
    let key = ConfigurationKey(
      path: name, kind: .patternsByName, defaultText: nil, isRequired: false, reload: .live, sentence: sentence)
    return ConfigurationField(name: name, keys: [key]) { node, path, root, reading in
      guard case .mapping(let entries) = node.content else {
        reading.report(
          node.position, path, "expected names with patterns, found \(node.kindInWords)", "Write { NAME: pattern }")
        return
      }
      for entry in entries {
        let path = "\(path).\(entry.key.prefix(64))"
        reading.note(entry.value.position, for: path)
        if let (words, mend) = LimitSubject.problem(ofName: entry.key, kind: name) {
          reading.report(entry.position, path, words, mend)
          continue
        }
        let subject = subject(entry.key)
        guard !root.named.contains(where: { $0.subject == subject }) else {
          reading.report(entry.position, path, "the name stands twice", "Keep one; letter case does not count")
          continue
        }
        let type = ConfigurationValueType<[LimitPattern]>.oneOrMore(of: .pattern)
        if let patterns = type.read(entry.value, path, &reading) {
          root.named.append(LimitCondition(subject, patterns))
        }
      }
    } changes: { _, _ in
      []
    }
  }
}

extension LimitSubject {
  /// What is wrong with the name of a header, a query parameter or a cookie, and how to mend it.
  static func problem(ofName name: String, kind: String) -> (String, String)? {
    let isParameter = kind == "query"
    guard (1...64).contains(name.utf8.count),
      name.utf8.allSatisfy({ isParameter ? (0x21...0x7E).contains($0) : ASCII.isToken($0) })
    else {
      let kinds = ["header": "a header", "query": "a query parameter", "cookie": "a cookie"]
      return ("not the name of \(kinds[kind] ?? kind)", "Use 1 to 64 letters, digits and `-`")
    }
    guard kind == "header" else { return nil }
    if ConfigurationField<LimitMatchDraft>.keyHeaders.contains(name.lowercased()) {
      return ("the field carries the client's key", "Use `key`")
    }
    return name.lowercased() == "cookie" ? ("the field holds all cookies", "Use `cookie` with a cookie's name") : nil
  }
}

extension ConfigurationValueType {
  /// One value or several in a list, never none.
  static func oneOrMore<Element>(of type: ConfigurationValueType<Element>) -> Self where Value == [Element] {
    let list = ConfigurationValueType.list(of: type, orOne: true)
    return ConfigurationValueType(kind: list.kind) { node, path, reading in
      let before = reading.problems.count
      guard let values = list.read(node, path, &reading), reading.problems.count == before else { return nil }
      guard (1...LimitSettings.rulesMax).contains(values.count) else {
        reading.report(
          node.position, path, "\(values.count) patterns",
          "Give 1 to \(LimitSettings.rulesMax), or take the key out to match all")
        return nil
      }
      return values
    } show: {
      list.show($0)
    }
  }
}

extension ConfigurationValueType where Value == LimitPattern {
  /// Bytes of a pattern.
  private static var textBytesMax: Int { ModelPattern.textBytesMax }

  fileprivate static var pattern: Self {
    ConfigurationValueType(kind: .pattern) { node, path, reading in
      guard let text = reading.text(node, path, expected: "a pattern")?.text else { return nil }
      guard (1...textBytesMax).contains(text.utf8.count) else {
        reading.report(node.position, path, "a pattern of \(text.utf8.count) bytes", "Give 1 to \(textBytesMax)")
        return nil
      }
      if text == "*" { return .any }
      if text.utf8.count > 2, text.hasPrefix("/"), text.hasSuffix("/") {
        let expression = String(text.dropFirst().dropLast())
        do throws(ModelPattern.Problem) {
          _ = try ModelPattern(expression)
          return .regex(expression)
        } catch {
          // A path such as /v1/files/ is never a wrong expression: it has no special characters.
          reading.report(
            node.position, path, "not a regular expression: \(error.words)",
            "In YAML, single quotes leave backslashes alone")
          return nil
        }
      }
      let beginning = text.hasSuffix("*") ? String(text.dropLast()) : text
      guard !beginning.contains("*") else {
        reading.report(
          node.position, path, "`*` stands only at the end", "For more, write a regular expression: /…/")
        return nil
      }
      return text.hasSuffix("*") ? .prefix(beginning) : .exact(text)
    } show: { pattern in
      switch pattern {
      case .exact(let text): text
      case .prefix(let text): text + "*"
      case .regex(let text): "/\(text)/"
      case .network(let block): block.description
      case .any: "*"
      }
    }
  }
}
