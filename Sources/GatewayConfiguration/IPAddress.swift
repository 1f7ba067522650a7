/// An IPv4 or IPv6 address as 128 bits; IPv4 as `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2), so that a peer that arrives over a
/// dual-stack socket compares equal.
public struct IPAddress: Sendable, Hashable {
  /// The address, network byte order, most significant bit first.
  public let bits: UInt128
  /// How it was written; a mapped address counts as IPv4.
  public let isIPv6: Bool

  private static let mappedPrefix = UInt128(0xFFFF) << 32

  /// An IPv4 address from its 32 bits.
  public init(ipv4: UInt32) {
    bits = Self.mappedPrefix | UInt128(ipv4)
    isIPv6 = false
  }

  /// An IPv6 address from its 128 bits.
  public init(ipv6: UInt128) {
    bits = ipv6
    isIPv6 = ipv6 >> 32 != 0xFFFF
  }

  /// Reads dotted decimal (no leading zeros, which some readers take for octal) or RFC 4291 section 2.2 notation without zone.
  public init?(_ text: String) {
    if text.contains(":") {
      guard let address = Self.ipv6(text) else { return nil }
      self.init(ipv6: address)
    } else {
      guard let address = Self.ipv4(text[...]) else { return nil }
      self.init(ipv4: address)
    }
  }

  private static func ipv4(_ text: Substring) -> UInt32? {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var address: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.count), part.allSatisfy(ASCII.isDigit), part.count == 1 || part.first != 0x30,
        let octet = UInt8(Substring(part))
      else { return nil }
      address = address << 8 | UInt32(octet)
    }
    return address
  }

  private static func ipv6(_ text: String) -> UInt128? {
    guard text.utf8.count <= 45 else { return nil }
    let halves = Self.halves(of: text)
    guard let head = groups(halves.head), let tail = groups(halves.tail ?? "") else { return nil }
    let groupCount = head.count + tail.count
    // "::" stands for at least one group of zeros.
    guard halves.tail == nil ? groupCount == 8 : groupCount <= 7 else { return nil }
    let zeros = [UInt16](repeating: 0, count: 8 - groupCount)
    return (head + zeros + tail).reduce(UInt128(0)) { $0 << 16 | UInt128($1) }
  }

  /// The parts before and after the first `::`; the second is nil when there is none.
  private static func halves(of text: String) -> (head: Substring, tail: Substring?) {
    var index = text.startIndex
    while index < text.endIndex {
      let next = text.index(after: index)
      if text[index] == ":", next < text.endIndex, text[next] == ":" {
        return (text[..<index], text[text.index(after: next)...])
      }
      index = next
    }
    return (text[...], nil)
  }

  private static func groups(_ text: Substring) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    var groups: [UInt16] = []
    for (place, part) in parts.enumerated() {
      if place == parts.count - 1, part.contains(".") {
        guard let ipv4 = ipv4(part) else { return nil }
        groups.append(UInt16(ipv4 >> 16))
        groups.append(UInt16(truncatingIfNeeded: ipv4))
      } else {
        guard (1...4).contains(part.utf8.count), part.utf8.first != UInt8(ascii: "+"),
          let group = UInt16(part, radix: 16)
        else { return nil }
        groups.append(group)
      }
    }
    return groups
  }
}
