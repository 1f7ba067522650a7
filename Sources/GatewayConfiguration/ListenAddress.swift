/// A host and a port to listen on, written `0.0.0.0:8080`, `[::1]:8080` or `localhost:8080`.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// An IPv4 or IPv6 address (without brackets) or a host name.
  public var host: String
  /// 0 asks the kernel for a free port; tests use that.
  public var port: Int

  /// An address from its parts.
  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads `host:port`. Nil when the port is missing or beyond 65535, or the host is empty, or an IPv6 address lacks its brackets.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    var host = text[..<colon]
    let digits = text[text.index(after: colon)...]
    guard let port = UInt16(digits), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    if host.hasPrefix("[") {
      guard host.hasSuffix("]") else { return nil }
      host = host.dropFirst().dropLast()
      guard IPAddress(String(host))?.isIPv6 == true else { return nil }
    } else {
      guard !host.isEmpty, HostName.isValid(String(host)) else { return nil }
    }
    self.init(host: String(host), port: Int(port))
  }

  /// The way it is written in the file.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
