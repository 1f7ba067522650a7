/// The store as far as it has been read.
struct RedisStoreDraft: Sendable {
  var url: RedisStoreURL?
  var username: String?
  var password: Secret?
  var timeout = RedisStoreSettings.timeoutDefault
  var connectTimeout = RedisStoreSettings.connectTimeoutDefault
  var prefix = RedisStoreSettings.prefixDefault
  var nodeName: String?
  var tls = UpstreamTLSSettings()

  static let section = ConfigurationSection<RedisStoreDraft>(fields: [
    .value(
      "url", \.url, .optional(.redisURL), default: Self(), reload: .restart, required: true,
      "`redis://`, `redis+cluster://` or `redis+sentinel://` with hosts, `rediss` for TLS; may hold user and password."),
    .value(
      "username", \.username, .optional(.text()), default: Self(), reload: .restart,
      "The ACL user, when it does not stand in the URL; left out, the default user."),
    .value(
      "password", \.password, .optional(.secret), default: Self(), reload: .restart,
      "The password, when it does not stand in the URL: `\"${REDIS_PASSWORD}\"`."),
    .value(
      "timeout", \.timeout, .duration(.milliseconds(1) ... .seconds(1)), default: Self(), reload: .restart,
      "How long an answer may take; after that, limits go on as `whenStoreIsAway` says."),
    .value(
      "connectTimeout", \.connectTimeout, .duration(.milliseconds(10) ... .seconds(30)), default: Self(),
      reload: .restart, "How long a connection may take until it is ready, TLS and login included."),
    .value(
      "prefix", \.prefix, .name(.redisPrefix), default: Self(), reload: .restart,
      "What all keys there begin with; gateways with the same one share their limits."),
    .value(
      "nodeName", \.nodeName, .optional(.name(.simple)), default: Self(), reload: .restart,
      "This gateway's name among those that share the store, different for each; left out, one is made at each start."),
    .section("tls", \.tls, UpstreamTLSSettings.section, "TLS, for `rediss` URLs."),
  ])

  /// The settings; nil when something is missing or contradicts itself, which is then reported.
  func settings(_ path: String, _ reading: inout ConfigurationReading) -> RedisStoreSettings? {
    guard let url else {
      reading.report(at: path, "`url` is missing", "Write `url: redis://host:6379`")
      return nil
    }
    guard !url.hasCredentials || (username == nil && password == nil) else {
      let key = password == nil ? "username" : "password"
      reading.report(at: "\(path).\(key)", "user and password also stand in the URL", "Keep one of them")
      return nil
    }
    guard username == nil || password != nil else {
      reading.report(at: "\(path).username", "a user without a password", "Give `password` too")
      return nil
    }
    guard url.isTLS || tls == UpstreamTLSSettings() else {
      reading.report(
        at: "\(path).tls", "TLS settings for a URL without TLS", "Write rediss in the URL, or take them out")
      return nil
    }
    guard (tls.certificateFile == nil) == (tls.keyFile == nil) else {
      reading.report(
        at: "\(path).tls", "a certificate without its key, or a key alone", "Give certificateFile and keyFile")
      return nil
    }
    var settings = RedisStoreSettings(url: url)
    settings.username = username
    settings.password = password
    settings.timeout = timeout
    settings.connectTimeout = connectTimeout
    settings.prefix = prefix
    settings.nodeName = nodeName
    settings.tls = tls
    return settings
  }
}

extension ConfigurationField where Root == GatewaySettings {
  /// The connections are made at the start, so every key takes a restart.
  static var redis: Self {
    let section = RedisStoreDraft.section
    let parent = ConfigurationKey(
      path: "redis", kind: .section(orShort: []), defaultText: nil, isRequired: false, reload: .restart,
      sentence:
        "The Redis or Valkey over which several gateways share their limits; left out, one process keeps its own."
    )
    let keys = section.keys(below: "redis").map { key in
      var key = key
      key.reload = .restart
      return key
    }
    return ConfigurationField(name: "redis", keys: [parent] + keys) { node, path, root, reading in
      var draft = RedisStoreDraft()
      let before = reading.problems.count
      section.read(node, path, into: &draft, &reading)
      guard reading.problems.count == before else { return }
      root.redis = draft.settings(path, &reading)
    } changes: { old, new in
      old.redis == new.redis ? [] : [ConfigurationChange(path: "redis", reload: .restart)]
    }
  }
}

extension NameRule {
  /// What keys begin with. No braces: they would say which part of a key decides its place in a cluster.
  fileprivate static let redisPrefix = NameRule(mend: "Use letters, digits, `-`, `_`, `.` and `:`, at most 32") {
    name in
    (1...32).contains(name.utf8.count)
      && name.utf8.allSatisfy { ASCII.isLetterOrDigit($0) || "-_.:".utf8.contains($0) }
  }
}

extension ConfigurationValueType where Value == String {
  /// A text that a rule allows.
  static func name(_ rule: NameRule) -> Self {
    ConfigurationValueType(kind: .text) { node, path, reading in
      guard let text = reading.text(node, path, expected: "a name") else { return nil }
      guard rule.allows(text.text) else {
        reading.report(node.position, path, "not a name for this place", rule.mend)
        return nil
      }
      return text.text
    } show: {
      $0
    }
  }
}

extension ConfigurationValueType where Value == RedisStoreURL {
  fileprivate static var redisURL: Self {
    ConfigurationValueType(kind: .secret) { node, path, reading in
      guard let text = reading.text(node, path, expected: "a Redis URL") else { return nil }
      do throws(RedisStoreURL.Problem) {
        return try RedisStoreURL.read(text.text)
      } catch {
        reading.report(node.position, path, error.words, error.mend)
        return nil
      }
    } show: { _ in
      nil
    }
  }
}
