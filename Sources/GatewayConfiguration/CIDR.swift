/// A block of addresses, written `10.0.0.0/8`, `fd00::/8`, or as a single address.
public struct CIDR: Sendable, Hashable, CustomStringConvertible {
  /// An address of the block.
  public let address: IPAddress
  /// Leading bits that all addresses of the block share, counted as written: 0 to 32 for IPv4, 0 to 128 for IPv6.
  public let prefixBits: Int
  /// The way it was written.
  public let description: String

  /// Reads a block; nil when the address or the prefix is none, or when bits beyond the prefix are set (`10.0.0.1/8`), which is
  /// nearly always a slip.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
    let widest = text.contains(":") ? 128 : 32
    var prefix = widest
    if parts.count == 2 {
      guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy(ASCII.isDigit), let bits = Int(parts[1]),
        bits <= widest
      else { return nil }
      prefix = bits
    }
    self.address = address
    prefixBits = prefix
    description = text
    freeBits = widest - prefix
    guard address.bits & ~Self.mask(freeBits: freeBits) == 0 else { return nil }
  }

  private let freeBits: Int

  /// Whether the address lies in the block. An IPv4-mapped IPv6 address is the IPv4 address; `::/0` holds no IPv4 address.
  public func contains(_ other: IPAddress) -> Bool {
    guard other.isIPv6 == address.isIPv6 else { return false }
    let mask = Self.mask(freeBits: freeBits)
    return address.bits & mask == other.bits & mask
  }

  private static func mask(freeBits: Int) -> UInt128 { freeBits >= 128 ? 0 : UInt128.max << UInt128(freeBits) }
}
