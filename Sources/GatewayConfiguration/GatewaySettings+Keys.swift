// The keys, each declared once: name, place in the settings, type with range, live or at restart, one sentence. The default is
// the property's own. Parser, unknown-key check, reference page, JSON schema and the differences at a reload all come from here.

extension GatewaySettings {
  /// Every key, parents before children, in the order of the reference page.
  public static var configurationKeys: [ConfigurationKey] { section.fields.flatMap(\.keys) }

  static let section = ConfigurationSection<GatewaySettings>(
    fields: [
      .section("server", \.server, ServerSettings.section, "The port that clients speak to."),
      .admin,
      .redis,
      .section("log", \.log, LogSettings.section, "What is written about the gateway's work."),
      .named(
        "upstreams", \.upstreams, UpstreamDraft.section, names: .simple, draft: { UpstreamDraft() },
        nameOf: { $0.name }, "Who answers: a name of your own for each service.",
        finish: { name, draft, path, reading in draft.settings(name: name, path, &reading) }),
      .named(
        "models", \.models, ModelDraft.section, names: .model, draft: { ModelDraft() }, nameOf: { $0.name },
        "What may be asked for: an exact name, a prefix such as `gpt-*`, or any name with `match`.",
        finish: { name, draft, path, reading in draft.settings(name: name, path, &reading) }),
      .named(
        "consumers", \.consumers, ConsumerDraft.section, names: .simple, draft: { ConsumerDraft() },
        nameOf: { $0.name }, "Who may ask.",
        finish: { name, draft, path, reading in draft.settings(name: name, path, &reading) }),
      .value(
        "anonymous", \.anonymous, .boolean, default: GatewaySettings(),
        "Serves requests without a key, as the consumer `anonymous`; a key that is presented must still be right."),
      .routes,
      .named(
        "limits", \.limits, LimitDraft.section, names: .simple, draft: { LimitDraft() }, nameOf: { $0.name },
        "How much may be used: a name of your own for each limit; a request must be within all that are for it.",
        finish: { name, draft, path, reading in draft.settings(name: name, path, &reading) }),
    ], elsewhere: ["price": "Prices stand in `models.NAME.price`"])
}

extension ServerSettings {
  static let section = ConfigurationSection<ServerSettings>(fields: [
    .value(
      "listen", \.listen, .list(of: .address, orOne: true), default: Self(), reload: .restart,
      "Where clients connect: one address or several."),
    .value(
      "reactors", \.reactors, .integer(0...1024), default: Self(), reload: .restart,
      "Event loops, each with its own thread and listener; 0 means one per processor."),
    .value(
      "pinThreads", \.pinThreads, .boolean, default: Self(), reload: .restart, "Keeps each event loop on one processor."
    ),
    .value(
      "drain", \.drain, .duration(.zero ... .seconds(3600)), default: Self(),
      "How long running streams may go on after SIGTERM."),
    .value(
      "connectionsMax", \.connectionsMax, .integer(1...10_000_000), default: Self(),
      "Client connections held at once, over the whole process."),
    .value(
      "connectionsPerClient", \.connectionsPerClient, .integer(0...10_000_000), default: Self(),
      "Connections that one client address may hold, an IPv6 /64 counting as one; trusted proxies are exempt; 0 means no limit."
    ),
    .value(
      "maxLimitSubjects", \.maxLimitSubjects, .integer(1...LimitSettings.subjectsMax), default: Self(),
      "Subjects that each event loop keeps apart at once, over all limits; see `limits.NAME.maxSubjects`."),
    .value(
      "bodyBytesMax", \.bodyBytesMax, .size(1024...(1 << 30)), default: Self(), "The longest request body."),
    .value(
      "bodyMemory", \.bodyMemory, .optional(.size((1 << 20)...(1 << 44))), default: Self(),
      "Memory for all request bodies held at once; beyond it connections are not read for a while, then refused with 503. Without it a quarter of the machine's or the container's memory."
    ),
    .value(
      "minBodyRate", \.minBodyRate, .size(0...(1 << 30)), default: Self(),
      "The least rate of a request body in bytes per second, after a grace of 10 seconds; a slower one is refused with 408. 0 means none."
    ),
    .value(
      "headBytesMax", \.headBytesMax, .size(1024...(1 << 20)), default: Self(),
      "The longest request line with all header fields."),
    .value(
      "headerCountMax", \.headerCountMax, .integer(8...1000), default: Self(), "Header fields in one request."),
    .section("timeouts", \.timeouts, ServerTimeouts.section, "How long a client may take."),
    .value(
      "trustedProxies", \.trustedProxies, .list(of: .block), default: Self(),
      "Peers whose X-Forwarded-For is believed."),
    .value(
      "higressHeaders", \.higressHeaders, .boolean, default: Self(),
      "Adds Higress' X-TokenRateLimit-Reset, in seconds, to refusals by limits of tokens and money."),
  ])
}

extension ServerTimeouts {
  static let section = ConfigurationSection<ServerTimeouts>(fields: [
    .value(
      "head", \.head, .duration(.milliseconds(100) ... .seconds(600)), default: Self(),
      "From a request's first byte to the end of its head."),
    .value(
      "body", \.body, .duration(.milliseconds(100) ... .seconds(3600)), default: Self(),
      "Between two pieces of a request body."),
    .value(
      "idle", \.idle, .duration(.milliseconds(100) ... .seconds(86_400)), default: Self(),
      "Between an answer and the next request on a kept connection."),
    .value(
      "write", \.write, .duration(.milliseconds(100) ... .seconds(3600)), default: Self(),
      "For how long a client may read nothing while bytes wait for it."),
  ])
}

extension AdminSettings {
  static let section = ConfigurationSection<AdminSettings>(fields: [
    .value(
      "listen", \.listen, .address, default: Self(), reload: .restart,
      "Where health, metrics and the console answer; keep it off the open network."),
    .value(
      "hosts", \.hosts, .list(of: .hostName), default: Self(),
      "Names by which clients may reach it, without port; loopback names and its own addresses need not be listed."),
  ])
}

extension LogSettings {
  static let section = ConfigurationSection<LogSettings>(fields: [
    .value("level", \.level, .choice, default: Self(), "The least important lines that are written."),
    .value("format", \.format, .choice, default: Self(), "JSON for machines, text for a terminal."),
    .value("access", \.access, .boolean, default: Self(), "Writes one line for each request."),
    .value(
      "accessFile", \.accessFile, .optionalText, default: Self(), reload: .restart,
      "The file for those lines; left out, they go to standard output."),
  ])
}

extension ConfigurationField where Root == GatewaySettings {
  /// `admin: off` switches the port off; otherwise it is a section. Opening or closing a port takes a restart.
  static var admin: Self {
    let section = AdminSettings.section
    let key = ConfigurationKey(
      path: "admin", kind: .section(orShort: ["off", "false"]), defaultText: nil, isRequired: false, reload: .restart,
      sentence: "The port for health, metrics and the console; `off` closes it.")
    return ConfigurationField(name: "admin", keys: [key] + section.keys(below: "admin")) { node, path, root, reading in
      if case .text("off") = node.content {
        root.admin = nil
      } else if case .text("false") = node.content {
        root.admin = nil
      } else {
        var admin = AdminSettings()
        section.read(node, path, into: &admin, &reading)
        root.admin = admin
      }
    } changes: { old, new in
      guard let old = old.admin, let new = new.admin else {
        return old.admin == new.admin ? [] : [ConfigurationChange(path: "admin", reload: .restart)]
      }
      return section.changes(old, new).map { $0.below("admin") }
    }
  }

  static var routes: Self {
    let section = RouteDraft.section
    let key = ConfigurationKey(
      path: "routes", kind: .sections(), defaultText: nil, isRequired: false, reload: .live,
      sentence:
        "Endpoints that are passed through to one upstream: all that the gateway does not know itself. The first that takes path, method and consumer."
    )
    return ConfigurationField(name: "routes", keys: [key] + section.keys(below: "routes[]")) {
      node, path, root, reading in
      root.routes = readSections(node, path, section, draft: RouteDraft(), &reading) { draft, path, reading in
        draft.settings(path, &reading)
      }
    } changes: { old, new in
      old.routes == new.routes ? [] : [ConfigurationChange(path: "routes", reload: .live)]
    }
  }
}

/// Reads a list of sections. An element that could not be read is reported and left out.
func readSections<Draft, Value>(
  _ node: ConfigurationNode, _ path: String, _ section: ConfigurationSection<Draft>, draft: Draft,
  _ reading: inout ConfigurationReading, finish: (Draft, String, inout ConfigurationReading) -> Value?
) -> [Value] {
  guard case .list(let nodes) = node.content else {
    reading.report(
      node.position, path, "expected a list, found \(node.kindInWords)", "Write one entry a line after `- `")
    return []
  }
  var values: [Value] = []
  for (index, node) in nodes.enumerated() {
    let path = "\(path)[\(index)]"
    reading.note(node.position, for: path)
    var element = draft
    let before = reading.problems.count
    section.read(node, path, into: &element, &reading)
    guard reading.problems.count == before else { continue }
    if let value = finish(element, path, &reading) { values.append(value) }
  }
  return values
}
