public import CLinux
internal import Glibc

/// An IPv4, IPv6 or Unix-domain address, ready for the kernel.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// What kind of address it is.
  public enum Family: Sendable { case ipv4, ipv6, unix }

  private let bytes: [UInt8]
  /// The address' kind.
  public let family: Family

  /// Parses a literal IPv4 or IPv6 address; nil if `host` is a name.
  public init?(literal host: String, port: UInt16) {
    var four = sockaddr_in()
    if inet_pton(AF_INET, host, &four.sin_addr) == 1 {
      four.sin_family = sa_family_t(AF_INET)
      four.sin_port = port.bigEndian
      self.init(four, .ipv4)
      return
    }
    var six = sockaddr_in6()
    if inet_pton(AF_INET6, host, &six.sin6_addr) == 1 {
      six.sin6_family = sa_family_t(AF_INET6)
      six.sin6_port = port.bigEndian
      self.init(six, .ipv6)
      return
    }
    return nil
  }

  /// Copies an address that the kernel or the resolver gave; nil for families other than IPv4 and IPv6.
  public init?(_ pointer: UnsafePointer<sockaddr>, length: socklen_t) {
    switch Int32(pointer.pointee.sa_family) {
    case AF_INET where Int(length) >= MemoryLayout<sockaddr_in>.size: family = .ipv4
    case AF_INET6 where Int(length) >= MemoryLayout<sockaddr_in6>.size: family = .ipv6
    default: return nil
    }
    bytes = [UInt8](UnsafeRawBufferPointer(start: pointer, count: Int(length)))
  }

  private init<Address>(_ address: Address, _ family: Family) {
    bytes = withUnsafeBytes(of: address) { [UInt8]($0) }
    self.family = family
  }

  /// The port; 0 for a Unix-domain address.
  public var port: UInt16 {
    family == .unix ? 0 : UInt16(bytes[2]) << 8 | UInt16(bytes[3])
  }

  /// The address' own bytes in network order: 4 or 16.
  public var hostBytes: [UInt8] {
    switch family {
    case .ipv4: [UInt8](bytes[4..<8])
    case .ipv6: [UInt8](bytes[8..<24])
    case .unix: []
    }
  }

  /// Whether the address is this machine's loopback.
  public var isLoopback: Bool {
    switch family {
    case .ipv4: bytes[4] == 127
    case .ipv6: hostBytes == [UInt8](repeating: 0, count: 15) + [1]
    case .unix: true
    }
  }

  /// The same host with another port.
  public func with(port: UInt16) -> SocketAddress {
    var changed = bytes
    changed[2] = UInt8(port >> 8)
    changed[3] = UInt8(port & 255)
    return SocketAddress(bytes: changed, family: family)
  }

  private init(bytes: [UInt8], family: Family) {
    self.bytes = bytes
    self.family = family
  }

  /// The host without the port, as text.
  public var host: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let address = hostBytes
    guard family != .unix,
      inet_ntop(family == .ipv4 ? AF_INET : AF_INET6, address, &text, socklen_t(text.count)) != nil
    else { return "" }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// `host:port`, an IPv6 host in brackets.
  public var description: String {
    family == .ipv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    bytes.withUnsafeBytes { raw in
      raw.withMemoryRebound(to: sockaddr.self) { addresses in
        // An address is never empty: every initialiser copies at least a sockaddr_in.
        body(addresses.baseAddress.unsafelyUnwrapped, socklen_t(raw.count))
      }
    }
  }
}
