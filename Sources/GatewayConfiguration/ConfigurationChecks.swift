/// What no key can know alone: names that must exist, and values that must fit together.
struct ConfigurationChecks {
  let settings: GatewaySettings
  let names: Names
  private let upstreamNames: Set<String>
  private let modelNames: Set<String>
  private let modelsByName: [String: ModelSettings]
  /// Names that requests may bear: those of models and their aliases.
  private let askableNames: Set<String>

  init(settings: GatewaySettings, names: Names) {
    self.settings = settings
    self.names = names
    upstreamNames = Set(names.upstreams)
    modelNames = Set(names.models)
    modelsByName = Dictionary(settings.models.map { ($0.name, $0) }) { first, _ in first }
    askableNames = modelNames.union(settings.models.flatMap(\.aliases))
  }

  /// The names that the file declares, also those of entries that could not be read: a reference to one of them is no second mistake.
  struct Names {
    var upstreams: [String]
    var models: [String]
    var consumers: [String]

    init(of root: ConfigurationNode) {
      func keys(_ name: String) -> [String] {
        guard case .mapping(let entries) = root.content,
          case .mapping(let below) = entries.first(where: { $0.key == name })?.value.content
        else { return [] }
        return below.map(\.key)
      }
      upstreams = keys("upstreams")
      models = keys("models")
      consumers = keys("consumers")
    }
  }

  func run(_ reading: inout ConfigurationReading) {
    checkListeners(&reading)
    for upstream in settings.upstreams { check(upstream, &reading) }
    checkModelNames(&reading)
    for model in settings.models { checkReferences(of: model, &reading) }
    checkFallbackCircles(&reading)
    checkConsumers(&reading)
    checkRoutes(&reading)
    checkLimits(&reading)
  }

  // MARK: Server

  private func checkListeners(_ reading: inout ConfigurationReading) {
    let listen = settings.server.listen
    if listen.isEmpty { reading.report(at: "server.listen", "no address", "Give at least one, such as 0.0.0.0:8080") }
    for (index, address) in listen.enumerated()
    where address.port != 0 && listen[..<index].contains(where: { clash($0, address) }) {
      reading.report(at: "server.listen[\(index)]", "\(address) is taken by another address of the list", "Keep one")
    }
    if let admin = settings.admin?.listen, admin.port != 0, listen.contains(where: { clash($0, admin) }) {
      // The port may be the default of a key that the file does not have; then the other one is where to look.
      let isWritten = reading.positions["admin.listen"] != nil
      reading.report(
        at: isWritten ? "admin.listen" : "server.listen", "server and admin would both listen on \(admin)",
        "Give them different ports, or write `admin: off`")
    }
  }

  /// Two listeners of one port clash when they name the same host, or when one of them names every host.
  private func clash(_ a: ListenAddress, _ b: ListenAddress) -> Bool {
    guard a.port == b.port else { return false }
    let hosts = [a.host, b.host]
    return a.host == b.host || hosts.contains("::")
      || (hosts.contains("0.0.0.0") && !hosts.contains { $0.contains(":") })
  }

  // MARK: Upstreams

  private func check(_ upstream: UpstreamSettings, _ reading: inout ConfigurationReading) {
    let path = "upstreams.\(upstream.name)"
    let pool = upstream.pool
    if pool.minIdle > pool.maxSessions {
      reading.report(
        at: "\(path).pool.minIdle", "\(pool.minIdle) idle sessions of at most \(pool.maxSessions)",
        "Lower minIdle or raise maxSessions")
    }
    let tls = upstream.tls
    if (tls.certificateFile == nil) != (tls.keyFile == nil) {
      reading.report(
        at: "\(path).tls", "a certificate without its key, or a key alone", "Give certificateFile and keyFile")
    }
    let timeouts = upstream.timeouts
    if timeouts.firstToken > timeouts.total {
      reading.report(
        at: "\(path).timeouts",
        "firstToken (\(UnitText.words(timeouts.firstToken))) is longer than total "
          + "(\(UnitText.words(timeouts.total)))", "Raise total or lower firstToken")
    }
    if !upstream.apiKeys.isEmpty, upstream.authentication == .none {
      reading.report(at: "\(path).apiKeys", "keys that `authentication: none` never sends", "Keep one of them")
    }
    checkKey(of: upstream, path, &reading)
    let own = upstream.authentication == .bearer ? "authorization" : upstream.authentication.rawValue
    if !upstream.apiKeys.isEmpty, upstream.headers.contains(where: { $0.name.lowercased() == own }) {
      reading.report(at: "\(path).headers", "the field \(own) is also set by `apiKeys`", "Keep one of them")
    }
  }

  /// A hosted service at its own address answers nobody without a key. At another address (a proxy, a simulator) it may.
  private func checkKey(of upstream: UpstreamSettings, _ path: String, _ reading: inout ConfigurationReading) {
    guard upstream.apiKeys.isEmpty, upstream.authentication != .none,
      let variable = upstream.provider.keyVariables.first,
      let url = upstream.provider.baseURL.flatMap(UpstreamURL.init), url.isTLS,
      upstream.endpoints.contains(where: { $0.url == url }),
      upstream.headers.count == upstream.provider.headers.count,
      reading.positions["\(path).apiKeys"] == nil
    else { return }
    reading.report(
      at: path, "\(upstream.provider.name) wants a key", "Write `apiKeys: [\"${\(variable)}\"]`")
  }

  private func checkUpstream(_ name: String, _ path: String, _ reading: inout ConfigurationReading) {
    guard !upstreamNames.contains(name) else { return }
    let near = NearestName.nearest(to: name, among: names.upstreams).first
    let known = names.upstreams.prefix(10).joined(separator: ", ")
    reading.report(
      at: path, "no upstream `\(name.prefix(64))`",
      near.map { "Did you mean \($0)?" } ?? (known.isEmpty ? "Declare it under `upstreams`" : "There are \(known)"))
  }

  // MARK: Models

  private func checkModelNames(_ reading: inout ConfigurationReading) {
    var owners: [String: String] = [:]
    for model in settings.models where model.match == .exact { owners[model.name] = model.name }
    for model in settings.models {
      for (index, alias) in model.aliases.enumerated() {
        if let owner = owners[alias] {
          reading.report(
            at: "models.\(model.name).aliases[\(index)]", "`\(alias)` is already a name of the model \(owner)",
            "A name means one model; take one out")
        } else {
          owners[alias] = model.name
        }
      }
    }
    if settings.models.isEmpty, names.models.isEmpty, names.upstreams.isEmpty {
      reading.report(
        .start, "upstreams", "nothing to serve: no upstream and no model", "Declare one under `upstreams`")
    }
  }

  private func checkReferences(of model: ModelSettings, _ reading: inout ConfigurationReading) {
    let path = "models.\(model.name)"
    for (index, serve) in model.serve.enumerated() {
      let place = "\(path).serve[\(index)]"
      checkUpstream(serve.upstream, "\(place).upstream", &reading)
      if let name = serve.model, !NameRule.isVisible(name) || name.utf8.count > NameRule.bytesMax {
        reading.report(at: "\(place).model", "not a model name", NameRule.model.mend)
      }
      if model.serve[..<index].contains(serve) {
        reading.report(at: place, "the same upstream and model stand twice", "Keep one; weights belong to `endpoints`")
      }
    }
    for (index, name) in model.fallback.enumerated() {
      let place = "\(path).fallback[\(index)]"
      if modelNames.contains(name) {
        if model.fallback[..<index].contains(name) {
          reading.report(at: place, "the same model stands twice", "Keep one")
        }
        checkFallbackTarget(name, place, &reading)
        continue
      }
      let near = NearestName.nearest(to: name, among: names.models).first
      reading.report(
        at: place, "no model `\(name.prefix(64))`",
        near.map { "Did you mean \($0)?" } ?? "A fallback is the name of an entry of `models`")
    }
  }

  /// A pattern as a fallback is asked for the name that was asked first, so it must name the model it sends.
  private func checkFallbackTarget(_ name: String, _ place: String, _ reading: inout ConfigurationReading) {
    guard let target = modelsByName[name], target.match != .exact,
      target.serve.contains(where: { $0.model == nil })
    else { return }
    reading.report(
      at: place, "`\(name)` is a pattern and does not say which model to send",
      "Give `model:` in its `serve`, or fall back to an exact name")
  }

  /// Reports each circle once, at the fallback that closes it.
  private func checkFallbackCircles(_ reading: inout ConfigurationReading) {
    var isDone: Set<String> = []
    var way: [String] = []

    func visit(_ model: ModelSettings) {
      way.append(model.name)
      for (index, name) in model.fallback.enumerated() {
        if let start = way.firstIndex(of: name) {
          reading.report(
            at: "models.\(model.name).fallback[\(index)]",
            "fallbacks go in a circle: \((way[start...] + [name]).joined(separator: " → "))", "Take one of them out")
        } else if !isDone.contains(name), let next = modelsByName[name], way.count < Self.fallbackDepthMax {
          visit(next)
        } else if way.count >= Self.fallbackDepthMax {
          reading.report(
            at: "models.\(model.name).fallback[\(index)]", "more than \(Self.fallbackDepthMax) fallbacks in a row",
            "Shorten the chain")
        }
      }
      way.removeLast()
      isDone.insert(model.name)
    }
    for model in settings.models where !isDone.contains(model.name) { visit(model) }
  }

  /// Fallbacks of fallbacks of fallbacks: longer chains cannot be tried within a request's time.
  static let fallbackDepthMax = 16

  // MARK: Consumers and routes

  private func checkConsumers(_ reading: inout ConfigurationReading) {
    if names.consumers.isEmpty, !settings.anonymous {
      reading.report(
        .start, "consumers", "nobody may use this gateway",
        "Declare consumers with keys, or write `anonymous: true` to serve everyone who reaches the port")
    }
    var owners: [KeyDigest: String] = [:]
    for consumer in settings.consumers {
      for (index, key) in consumer.keys.enumerated() {
        if let owner = owners.updateValue(consumer.name, forKey: key) {
          reading.report(
            at: "consumers.\(consumer.name).keys[\(index)]", "the key is also a key of \(owner)",
            "A key means one consumer")
        }
      }
      for (index, name) in (consumer.models ?? []).enumerated() where !mayExist(name) {
        let near = NearestName.nearest(to: name, among: names.models + settings.models.flatMap(\.aliases)).first
        reading.report(
          at: "consumers.\(consumer.name).models[\(index)]", "no model `\(name.prefix(64))`",
          near.map { "Did you mean \($0)?" } ?? "Name a model, an alias, a prefix such as `gpt-*`, or `upstream/model`")
      }
    }
  }

  /// Whether a name in a consumer's list can ever be asked for with success.
  func mayExist(_ name: String) -> Bool {
    if name.hasSuffix("*"), !name.dropLast().contains("*") { return true }
    if askableNames.contains(name) { return true }
    if let slash = name.firstIndex(of: "/") {
      let first = String(name[..<slash])
      if upstreamNames.contains(first) || settings.upstreams.contains(where: { $0.provider.name == first }) {
        return true
      }
    }
    return settings.models.contains { model in
      switch model.match {
      case .exact: false
      case .prefix(let prefix): name.hasPrefix(prefix)
      // Whether it matches is found when it is asked for; here the list may be right.
      case .regex: true
      }
    }
  }

  private func checkRoutes(_ reading: inout ConfigurationReading) {
    for (index, route) in settings.routes.enumerated() {
      checkUpstream(route.upstream, "routes[\(index)].upstream", &reading)
      let hides = settings.routes[..<index].contains { earlier in
        earlier.path == route.path && !Set(earlier.methods).isDisjoint(with: route.methods)
          && Self.covers(earlier.consumers, route.consumers)
      }
      if hides {
        reading.report(at: "routes[\(index)]", "an earlier route takes the same path and method", "Take one out")
      }
      checkConsumers(of: route, "routes[\(index)].consumers", &reading)
    }
  }

  /// Whether the earlier list has every consumer of the later one, so that none is left for it; nil has all.
  private static func covers(_ earlier: [String]?, _ later: [String]?) -> Bool {
    guard let earlier else { return true }
    return later.map { Set($0).isSubset(of: earlier) } ?? false
  }

  private func checkConsumers(of route: RouteSettings, _ path: String, _ reading: inout ConfigurationReading) {
    let known = names.consumers + (settings.anonymous ? [ConsumerSettings.anonymousName] : [])
    for (index, name) in (route.consumers ?? []).enumerated() where !known.contains(name) {
      let near = NearestName.nearest(to: name, among: known).first
      reading.report(
        at: "\(path)[\(index)]", "no consumer `\(name.prefix(64))`",
        near.map { "Did you mean \($0)?" } ?? "Declare it under `consumers`")
    }
  }
}
