/// Somebody who may ask.
public struct ConsumerSettings: Sendable, Equatable {
  /// The consumer of a request without a key, where `anonymous: true` allows one. No consumer in a file may bear this name.
  public static let anonymousName = "anonymous"

  /// The name in the file, used in records.
  public var name: String
  /// The keys, hashed; never empty.
  public var keys: [KeyDigest]
  /// Model names or prefixes (`gpt-*`) that may be used; nil means all.
  public var models: [String]?

  /// A consumer from its parts.
  public init(name: String, keys: [KeyDigest], models: [String]? = nil) {
    self.name = name
    self.keys = keys
    self.models = models
  }
}

/// The SHA-256 of a client key: all that the gateway ever keeps of it.
public struct KeyDigest: Sendable, Hashable {
  /// Bytes of a SHA-256.
  public static let byteCount = 32

  /// The 32 bytes.
  public let bytes: [UInt8]

  /// A digest from its bytes; nil unless there are 32.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
  }

  /// Reads 64 hexadecimal digits of either case; nil for anything else.
  public init?(hexadecimal: String) {
    let digits = Array(hexadecimal.utf8)
    guard digits.count == 2 * Self.byteCount else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    for start in stride(from: 0, to: digits.count, by: 2) {
      guard let high = Self.nibble(digits[start]), let low = Self.nibble(digits[start + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    self.bytes = bytes
  }

  private static func nibble(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
