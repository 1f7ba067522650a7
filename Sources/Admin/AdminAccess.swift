internal import GatewayConfiguration

/// Which requests the admin port answers, judged by what a browser says of itself.
///
/// A page in an operator's browser can reach loopback. It may read what it fetches when its own name leads there (DNS rebinding: the `Host` is
/// the attacker's), and may send what it cannot read (`Origin` is not the port's own). A request that names one of our own addresses
/// cannot be a rebound one, for there is no name in it to rebind.
struct AdminAccess {
  /// Why a request is refused.
  enum Refusal: Equatable {
    /// The `Host` is none of ours.
    case host(String)
    /// It was sent by a page from elsewhere.
    case origin(String)

    var status: Int {
      switch self {
      case .host: 421
      case .origin: 403
      }
    }

    var message: String {
      switch self {
      case .host(let host):
        "The admin port does not answer for host '\(host)'. Use its address, or add the name to admin.hosts."
      case .origin(let origin): "The admin port takes no requests from pages of '\(origin)'."
      }
    }
  }

  /// `admin.hosts`.
  let names: [String]
  /// The address it listens on.
  let listen: String
  /// Whether an address is one of this machine's.
  let isOwn: (IPAddress) -> Bool

  /// - Parameters:
  ///   - host: the request's `Host`, or the host of an absolute target; nil where HTTP/1.0 has none.
  ///   - origin: the `Origin` field, which browsers send with all requests that are not plain navigation.
  ///   - site: the `Sec-Fetch-Site` field.
  ///   - changesState: whether the request does something.
  func refusal(host: String?, origin: String?, site: String?, changesState: Bool) -> Refusal? {
    if let host, !isAllowed(Self.withoutPort(host)) { return .host(host) }
    if let origin, !Self.isSame(origin, host) { return .origin(origin) }
    if changesState, let site, site != "same-origin" && site != "none" { return .origin(site) }
    return nil
  }

  private func isAllowed(_ host: String) -> Bool {
    let host = Self.normal(host)
    if host == "localhost" || host == Self.normal(listen) { return true }
    if names.contains(where: { Self.normal($0) == host }) { return true }
    guard let address = IPAddress(host) else { return false }
    return Self.isLoopback(address) || address == IPAddress(listen) || isOwn(address)
  }

  private static func isLoopback(_ address: IPAddress) -> Bool {
    address.isIPv6 ? address.bits == 1 : UInt32(truncatingIfNeeded: address.bits) >> 24 == 127
  }

  /// An origin is a scheme and an authority; a default port is not written in either place.
  private static func isSame(_ origin: String, _ host: String?) -> Bool {
    guard let host, let end = origin.range(of: "://") else { return false }
    return origin[end].lowercased() == host.lowercased()
  }

  /// `name:8001`, `[::1]:8001`, `::1` nowhere: RFC 3986 section 3.2.2 has brackets around it.
  static func withoutPort(_ host: String) -> String {
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      return String(host[host.index(after: host.startIndex)..<end])
    }
    guard let colon = host.lastIndex(of: ":") else { return host }
    return String(host[..<colon])
  }

  private static func normal(_ host: String) -> String {
    let lower = host.lowercased()
    return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
  }
}

extension String {
  /// What follows the first `separator`.
  fileprivate func range(of separator: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(separator) { return index(start, offsetBy: separator.count)..<endIndex }
      start = index(after: start)
    }
    return nil
  }
}
