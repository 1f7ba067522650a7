/// A route as far as it has been read.
struct RouteDraft: Sendable {
  var path: String?
  var pathPrefix: String?
  var upstream: String?
  var methods: [String] = RouteSettings.methodsDefault
  var consumers: [String]?

  static let section = ConfigurationSection<RouteDraft>(fields: [
    .value(
      "path", \.path, .optional(.requestPath), default: Self(),
      "The request path it takes, exactly. Either this or `pathPrefix`."),
    .value(
      "pathPrefix", \.pathPrefix, .optional(.requestPath), default: Self(),
      "A request path that it takes with everything below it."),
    .value(
      "upstream", \.upstream, .optional(.text(.upstreamName)), default: Self(), required: true,
      "Where it is passed through to."),
    .value(
      "methods", \.methods, .list(of: .method), default: Self(), "The methods it takes; GET takes HEAD with it."),
    .value(
      "consumers", \.consumers, .optional(.list(of: .text(.consumerName))), default: Self(),
      "The consumers that it is for, by name; left out, all. `anonymous` is the one without a key."),
  ])

  /// The route; nil when something is missing or contradicts itself, which is then reported.
  func settings(_ place: String, _ reading: inout ConfigurationReading) -> RouteSettings? {
    guard let upstream else {
      reading.report(at: place, "`upstream` is missing", "Name one of `upstreams`")
      return nil
    }
    guard !methods.isEmpty else {
      reading.report(at: "\(place).methods", "no methods", "Name one, or take the key out")
      return nil
    }
    guard consumers?.isEmpty != true else {
      reading.report(at: "\(place).consumers", "no consumers", "Name one, or take the key out")
      return nil
    }
    func route(_ path: RoutePath) -> RouteSettings {
      RouteSettings(path: path, upstream: upstream, methods: methods, consumers: consumers)
    }
    switch (path, pathPrefix) {
    case (let path?, nil): return route(.exact(path))
    case (nil, let prefix?): return route(.prefix(prefix))
    case (nil, nil): reading.report(at: place, "`path` is missing", "Give `path` or `pathPrefix`")
    case (_?, _?): reading.report(at: place, "`path` and `pathPrefix` are both given", "Keep one of them")
    }
    return nil
  }
}

extension ConfigurationValueType where Value == String {
  /// A path that means the same to every reader: below `/v1` or `/v2`, no dot segments, no empty ones, no escapes.
  fileprivate static var requestPath: Self {
    ConfigurationValueType(kind: .path) { node, path, reading in
      guard let text = reading.text(node, path, expected: "a path") else { return nil }
      let segments = text.text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
      guard ["v1", "v2"].contains(segments.first ?? ""), text.text.hasPrefix("/"), text.text.utf8.count <= 1024,
        text.text.utf8.allSatisfy({ ASCII.isLetterOrDigit($0) || "-._~/:@".utf8.contains($0) }),
        !segments.dropLast().contains(""), !segments.contains(where: { $0 == "." || $0 == ".." })
      else {
        reading.report(
          node.position, path, "not a request path", "Write /v1/… or /v2/…, without `//`, `.`, `..`, `%`, `;` or `?`")
        return nil
      }
      return text.text
    } show: {
      $0
    }
  }

  fileprivate static var method: Self {
    let methods = RouteSettings.methodsDefault
    return ConfigurationValueType(kind: .choice(methods)) { node, path, reading in
      let expected = "one of " + methods.joined(separator: ", ")
      guard let text = reading.text(node, path, expected: expected) else { return nil }
      guard methods.contains(text.text) else {
        reading.report(node.position, path, "expected \(expected), found \(ConfigurationReading.shown(text))")
        return nil
      }
      return text.text
    } show: {
      $0
    }
  }
}
