internal import GatewayConfiguration
internal import RedisClient
internal import Transport

extension RedisSettings {
  /// The client's settings for the store that the configuration names.
  ///
  /// - Throws: `GatewayStartError` for a URL that the client does not take, or a TLS file that cannot be used; it names the key.
  init(_ store: RedisStoreSettings) throws(GatewayStartError) {
    do throws(RedisURLError) {
      try self.init(url: store.url.text.reveal())
    } catch {
      throw GatewayStartError("redis.url: \(error).")
    }
    // Never both: the configuration has seen to it.
    if let password = store.password {
      credentials = RedisCredentials(user: store.username, password: password.reveal())
    }
    if let name = store.nodeName { clientName += "-\(name)" }
    connectTimeout = store.connectTimeout
    // An answer may come late and still be told; a server that is slower than the default on purpose is neither stuck nor dead.
    replyTimeMax = max(replyTimeMax, store.timeout * 2)
    discoveryTimeout = max(discoveryTimeout, store.timeout)
    breaker.probeTimeout = max(breaker.probeTimeout, store.timeout)
    // The store asks for one step a second while it is away: no second pause is to be waited out on top of that one.
    breaker.openFor = .milliseconds(250)
    guard tls != nil else { return }
    tls = TLSClientContext.Options(
      authorityFile: store.tls.caFile, certificateFile: store.tls.certificateFile, keyFile: store.tls.keyFile,
      serverName: store.tls.serverName, verifiesPeer: store.tls.verify)
    do throws(TransportError) {
      try validate()
    } catch {
      throw GatewayStartError("redis.tls\(Self.key(of: error, store.tls)): \(error).")
    }
  }

  /// The key below `tls` whose file an error speaks of; the longest path, should one be the beginning of another.
  private static func key(of error: TransportError, _ tls: UpstreamTLSSettings) -> String {
    let files = [(".caFile", tls.caFile), (".certificateFile", tls.certificateFile), (".keyFile", tls.keyFile)]
    let words = error.description
    var found = (key: "", count: 0)
    for (key, file) in files {
      guard let file, file.utf8.count > found.count, words.contains(file) else { continue }
      found = (key, file.utf8.count)
    }
    return found.key
  }
}
