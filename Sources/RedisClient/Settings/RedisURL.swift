/// A Redis URL, taken apart.
///
/// `redis://user:password@host:6379/2`, `rediss://…` over TLS; `redis+cluster://host1,host2:7001` with some nodes of a cluster;
/// `redis+sentinel://host1,host2:26379/mymaster/2` with some sentinels, the master's name and a database. `valkey` may stand for `redis`.
/// User and password are percent-encoded; `redis://:password@host` has a password alone.
public struct RedisURL: Equatable, Sendable {
  /// Who is to be asked for what.
  public let topology: RedisTopology
  /// True for `rediss`.
  public let isTLS: Bool
  /// What `AUTH` is to say; nil for nothing.
  public let credentials: RedisCredentials?
  /// The database to select.
  public let database: Int

  /// Hosts that one URL may name.
  static let hostsMax = 64

  private enum Kind { case single, cluster, sentinel }

  /// Reads a URL.
  public init(_ text: String) throws(RedisURLError) {
    let (kind, isTLS, rest) = try Self.scheme(text)
    self.isTLS = isTLS
    guard !rest.utf8.contains(UInt8(ascii: "?")), !rest.utf8.contains(UInt8(ascii: "#")) else { throw .query }
    let authority = rest.prefix { $0 != "/" }
    let path = rest.dropFirst(authority.count)
    let at = authority.lastIndex(of: "@")
    credentials = try at.map { index throws(RedisURLError) in try Self.credentials(authority[..<index]) } ?? nil
    let hosts = at.map { authority[authority.index(after: $0)...] } ?? authority
    let endpoints = try Self.endpoints(hosts, port: kind == .sentinel ? 26379 : 6379)
    var segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    if segments.last?.isEmpty == true { segments.removeLast() }
    switch kind {
    case .single:
      guard endpoints.count == 1 else { throw .severalHosts }
      topology = .single(endpoints[0])
      database = try Self.database(segments)
    case .cluster:
      guard segments.isEmpty || segments == ["0"] else { throw .clusterDatabase }
      topology = .cluster(seeds: endpoints)
      database = 0
    case .sentinel:
      guard let name = segments.first else { throw .masterName }
      let master = try Self.decoded(name)
      guard !master.isEmpty else { throw .masterName }
      topology = .sentinel(sentinels: endpoints, master: master)
      database = try Self.database(Array(segments.dropFirst()))
    }
  }

  private static func scheme(_ text: String) throws(RedisURLError) -> (Kind, Bool, Substring) {
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { throw .scheme }
    let rest = text[text.index(colon, offsetBy: 3)...]
    switch text[..<colon].lowercased() {
    case "redis", "valkey": return (.single, false, rest)
    case "rediss", "valkeys": return (.single, true, rest)
    case "redis+cluster", "valkey+cluster": return (.cluster, false, rest)
    case "rediss+cluster", "valkeys+cluster": return (.cluster, true, rest)
    case "redis+sentinel", "valkey+sentinel": return (.sentinel, false, rest)
    case "rediss+sentinel", "valkeys+sentinel": return (.sentinel, true, rest)
    default: throw .scheme
    }
  }

  private static func credentials(_ text: Substring) throws(RedisURLError) -> RedisCredentials? {
    guard let colon = text.firstIndex(of: ":") else {
      // A user without a password: nothing that AUTH could say.
      return nil
    }
    let user = try decoded(text[..<colon])
    let password = try decoded(text[text.index(after: colon)...])
    guard !user.isEmpty || !password.isEmpty else { return nil }
    return RedisCredentials(user: user.isEmpty ? nil : user, password: password)
  }

  private static func endpoints(_ text: Substring, port: UInt16) throws(RedisURLError) -> [RedisEndpoint] {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count <= hostsMax else { throw .severalHosts }
    var endpoints: [RedisEndpoint] = []
    for part in parts { endpoints.append(try endpoint(part, port: port)) }
    return endpoints
  }

  private static func endpoint(_ text: Substring, port: UInt16) throws(RedisURLError) -> RedisEndpoint {
    var host = text
    var number = port
    if let colon = text.lastIndex(where: { $0 == ":" || $0 == "]" }), text[colon] == ":" {
      host = text[..<colon]
      let digits = text[text.index(after: colon)...]
      guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let value = UInt16(digits), value > 0 else {
        throw .port
      }
      number = value
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard host.utf8.contains(UInt8(ascii: ":")), host.utf8.allSatisfy({ isHexDigit($0) || $0 == 58 || $0 == 46 })
      else { throw .host }
    } else {
      guard host.utf8.allSatisfy({ isNameByte($0) }) else { throw .host }
    }
    guard !host.isEmpty, host.utf8.count <= 255 else { throw .host }
    return RedisEndpoint(host: String(host), port: number)
  }

  private static func database(_ segments: [Substring]) throws(RedisURLError) -> Int {
    guard let first = segments.first else { return 0 }
    guard segments.count == 1, first.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt16(first) else {
      throw .database
    }
    return Int(number)
  }

  private static func decoded(_ text: Substring) throws(RedisURLError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
        throw .percentEncoding
      }
      bytes.append(high << 4 | low)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else { throw .percentEncoding }
    return decoded
  }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool { hexValue(byte) != nil }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
    default: false
    }
  }
}
