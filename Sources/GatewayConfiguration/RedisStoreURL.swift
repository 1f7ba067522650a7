/// The URL of a Redis (or Valkey), checked by its form. No print, dump or interpolation shows what may be its password.
///
/// - `redis://user:password@host:6379/2`: one server and a database's number; `rediss` is the same over TLS.
/// - `redis+cluster://host1:7001,host2`: some nodes of a cluster, which has no databases.
/// - `redis+sentinel://host1:26379,host2/master/2`: some sentinels, the master's name, perhaps a database.
///
/// `valkey` may stand for `redis`. User and password are percent-encoded; `redis://:password@host` has a password alone.
public struct RedisStoreURL: Sendable, Equatable, CustomStringConvertible {
  /// Why a text is no such URL. It quotes nothing of it: in a malformed one anything may be the password.
  struct Problem: Error, Equatable {
    let words: String
    let mend: String

    init(_ words: String, _ mend: String) {
      self.words = words
      self.mend = mend
    }
  }

  /// Hosts that one URL may name.
  public static let hostsMax = 64
  /// The highest database number.
  public static let databaseMax = 65_535

  /// The URL as it was written, for the client to read.
  public let text: Secret
  /// Scheme and hosts: what may be shown.
  public let description: String
  /// True where the scheme says TLS.
  public let isTLS: Bool
  /// True when a password stands in it.
  public let hasCredentials: Bool

  /// Reads a URL; nil when it is not one of the form above.
  public init?(_ text: String) {
    guard let url = try? Self.read(text) else { return nil }
    self = url
  }

  private init(text: Secret, description: String, isTLS: Bool, hasCredentials: Bool) {
    self.text = text
    self.description = description
    self.isTLS = isTLS
    self.hasCredentials = hasCredentials
  }

  /// Reads a URL, with words for what is wrong.
  static func read(_ text: String) throws(Problem) -> RedisStoreURL {
    let scheme = String(text.prefix { $0 != ":" }).lowercased()
    guard let (kind, isTLS) = kind(scheme), text.dropFirst(scheme.count).hasPrefix("://") else {
      throw Problem("not a Redis URL", "Begin with redis://, rediss:// (TLS), redis+cluster:// or redis+sentinel://")
    }
    let rest = text.dropFirst(scheme.count + 3)
    guard !rest.contains("?"), !rest.contains("#") else { throw Problem("the URL has a `?` or `#`", encoding) }
    let authority = rest.prefix { $0 != "/" }
    let at = authority.lastIndex(of: "@")
    if let at { try checkCredentials(authority[..<at]) }
    let hosts = at.map { authority[authority.index(after: $0)...] } ?? authority
    try checkHosts(hosts, kind)
    try checkPath(rest.dropFirst(authority.count), kind)
    return RedisStoreURL(
      text: Secret(text), description: "\(scheme)://\(hosts)", isTLS: isTLS,
      hasCredentials: at != nil)
  }

  private enum Kind { case single, cluster, sentinel }

  /// The scheme taken apart; nil for one that is not known.
  private static func kind(_ scheme: String) -> (kind: Kind, isTLS: Bool)? {
    let parts = scheme.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
    let kinds: [Substring?: Kind] = [nil: .single, "cluster": .cluster, "sentinel": .sentinel]
    let isTLS: [Substring: Bool] = ["redis": false, "valkey": false, "rediss": true, "valkeys": true]
    guard let first = parts.first, let isTLS = isTLS[first], let kind = kinds[parts.dropFirst().first] else {
      return nil
    }
    return (kind, isTLS)
  }

  private static let encoding =
    "Percent-encode : / @ ? # % in user and password, or give them as `username` and `password`"

  private static func checkCredentials(_ text: Substring) throws(Problem) {
    guard let colon = text.firstIndex(of: ":") else {
      throw Problem("a user without a password", "Write redis://user:password@host, or redis://:password@host")
    }
    guard text.index(after: colon) != text.endIndex else { throw Problem("the password is empty", encoding) }
    guard isEncoded(text) else { throw Problem("user or password are not percent-encoded", encoding) }
  }

  private static func checkHosts(_ text: Substring, _ kind: Kind) throws(Problem) {
    let hosts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard hosts.count == 1 || kind != .single else {
      throw Problem("several hosts", "Write redis+cluster:// or redis+sentinel://, or name one host")
    }
    guard hosts.count <= hostsMax else {
      throw Problem("more than \(hostsMax) hosts", "Name some; the others are found")
    }
    for host in hosts where !isHost(host) {
      throw Problem(
        "a host is missing or none", "Write redis://host:6379, an IPv6 address in brackets. \(encoding)")
    }
  }

  private static func checkPath(_ text: Substring, _ kind: Kind) throws(Problem) {
    var segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    if segments.last?.isEmpty == true { segments.removeLast() }
    if kind == .sentinel {
      guard let master = segments.first, !master.isEmpty, isEncoded(master) else {
        throw Problem("the master's name is missing", "Write redis+sentinel://host1,host2/NAME-OF-THE-MASTER")
      }
      segments.removeFirst()
    }
    guard kind != .cluster || segments.isEmpty || segments == ["0"] else {
      throw Problem("a database in a cluster", "A cluster has database 0 alone; leave the path out")
    }
    guard let first = segments.first else { return }
    guard segments.count == 1, first.utf8.allSatisfy(ASCII.isDigit), let number = Int(first), number <= databaseMax
    else { throw Problem("not a database's number", "Give 0 to \(databaseMax) behind the last slash. \(encoding)") }
  }

  private static func isHost(_ text: Substring) -> Bool {
    var host = text
    if let colon = text.lastIndex(where: { $0 == ":" || $0 == "]" }), text[colon] == ":" {
      host = text[..<colon]
      let digits = text[text.index(after: colon)...]
      guard digits.utf8.allSatisfy(ASCII.isDigit), let port = UInt16(digits), port > 0 else { return false }
    }
    guard host.hasPrefix("[") else { return HostName.isValid(String(host)) }
    guard host.hasSuffix("]") else { return false }
    let address = String(host.dropFirst().dropLast())
    return address.contains(":") && IPAddress(address) != nil
  }

  /// Whether each percent sign has its two digits and the whole is UTF-8 when decoded.
  private static func isEncoded(_ text: Substring) -> Bool {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        guard byte > 0x20, byte != 0x7F, byte != UInt8(ascii: "@") else { return false }
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      guard digits.count == 2, digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-"),
        let value = UInt8(String(Substring(digits)), radix: 16)
      else { return false }
      rest = rest.dropFirst(2)
      bytes.append(value)
    }
    return String(validating: bytes, as: UTF8.self) != nil
  }
}
