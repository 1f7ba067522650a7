/// The base URL of an upstream, checked: `http` or `https`, a host, perhaps a port, perhaps a path prefix. User names, queries and
/// fragments are refused, because a base URL has no use for them and a key in one would reach logs.
public struct UpstreamURL: Sendable, Hashable, CustomStringConvertible {
  /// True for `https`.
  public let isTLS: Bool
  /// A name or an address; an IPv6 address without brackets. Lower case.
  public let host: String
  /// The port, 443 or 80 when none was written.
  public let port: Int
  /// What stands before the endpoint's path: empty, or `/…` without a slash at its end. `/v1` is part of it.
  public let pathPrefix: String

  /// Reads a URL; nil when it is not one of the form above.
  public init?(_ text: String) {
    var rest = text[...]
    let scheme = rest.prefix { $0 != ":" }.lowercased()
    guard scheme == "http" || scheme == "https" else { return nil }
    rest = rest.dropFirst(scheme.count)
    guard rest.hasPrefix("://") else { return nil }
    rest = rest.dropFirst(3)
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard let (host, port) = Self.authority(authority, isTLS: scheme == "https"),
      let path = Self.path(rest.dropFirst(authority.count))
    else { return nil }
    isTLS = scheme == "https"
    self.host = host
    self.port = port
    pathPrefix = path
  }

  /// The `Host` header's value: the port only when it is not the scheme's own (RFC 9110 section 7.2).
  public var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isTLS ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// The URL again, in its plain form.
  public var description: String { "\(isTLS ? "https" : "http")://\(authority)\(pathPrefix)" }

  private static func authority(_ text: Substring, isTLS: Bool) -> (String, Int)? {
    var host = text
    var port = isTLS ? 443 : 80
    let portColon = text.lastIndex { $0 == ":" || $0 == "]" }.flatMap { text[$0] == ":" ? $0 : nil }
    if let portColon {
      host = text[..<portColon]
      let digits = text[text.index(after: portColon)...]
      guard !digits.isEmpty, digits.utf8.allSatisfy(ASCII.isDigit), let number = UInt16(digits), number > 0 else {
        return nil
      }
      port = Int(number)
    }
    if host.hasPrefix("[") {
      guard host.hasSuffix("]") else { return nil }
      host = host.dropFirst().dropLast()
      guard host.contains(":"), IPAddress(String(host)) != nil else { return nil }
    } else {
      guard HostName.isValid(String(host)) else { return nil }
    }
    return (host.lowercased(), port)
  }

  /// Path characters of RFC 3986 section 3.3 without percent signs: what is written is what is sent.
  private static func path(_ text: Substring) -> String? {
    guard text.utf8.allSatisfy({ ASCII.isLetterOrDigit($0) || "-._~!$&'()*+,=:@/".utf8.contains($0) }) else {
      return nil
    }
    var path = text
    while path.hasSuffix("/") { path = path.dropLast() }
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    guard !segments.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else { return nil }
    return String(path)
  }
}
