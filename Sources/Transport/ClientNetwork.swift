internal import Reactor

/// Whose connections count together: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer is given (RFC 6177).
struct ClientNetwork: Hashable, Sendable {
  private let bits: UInt64
  private let isIPv6: Bool

  /// nil for an address that is neither.
  init?(_ address: SocketAddress) {
    let bytes = address.hostBytes
    switch address.family {
    case .ipv4: self.init(bytes[...], isIPv6: false)
    // An IPv4 client at a dual-stack socket: ::ffff:a.b.c.d.
    case .ipv6 where bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]:
      self.init(bytes.suffix(4), isIPv6: false)
    case .ipv6: self.init(bytes.prefix(8), isIPv6: true)
    case .unix: return nil
    }
  }

  private init(_ bytes: ArraySlice<UInt8>, isIPv6: Bool) {
    bits = bytes.reduce(0) { $0 << 8 | UInt64($1) }
    self.isIPv6 = isIPv6
  }
}
