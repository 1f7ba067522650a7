/// Which of a Redis Cluster's 16,384 slots a key belongs to (Redis Cluster specification, "Key distribution model").
package enum HashSlot {
  /// How many slots every cluster has.
  package static let count = 16_384

  /// The slot of `key`: CRC16 of the key, or, if it has a `{` followed by a `}` with at least one byte between, of what stands between the first
  /// such two. So keys with the same `{tag}` share a slot. `HashSlot.of("123456789") == 12739`.
  package static func of(_ key: some Collection<UInt8>) -> Int {
    if let open = key.firstIndex(of: UInt8(ascii: "{")) {
      let rest = key[key.index(after: open)...]
      if let close = rest.firstIndex(of: UInt8(ascii: "}")), close > rest.startIndex {
        return Int(crc16(rest[..<close])) % count
      }
    }
    return Int(crc16(key)) % count
  }

  /// CRC-16/XMODEM: polynomial 0x1021, begun with 0, not reflected. Of `123456789` it is 0x31C3.
  static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
    var crc: UInt16 = 0
    for byte in bytes { crc = crc << 8 ^ table[Int(UInt8(truncatingIfNeeded: crc >> 8) ^ byte)] }
    return crc
  }

  private static let table: [UInt16] = (0..<256).map { index in
    var crc = UInt16(index) << 8
    for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
    return crc
  }
}
