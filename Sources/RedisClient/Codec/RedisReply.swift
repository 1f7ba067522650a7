/// A server's answer to one command (RESP2).
public enum RedisReply: Equatable, Sendable {
  /// A short text such as `OK`.
  case simple(String)
  /// An error; as the answer to a whole command it becomes `RedisError.server`, so this is met inside arrays alone.
  case error(RedisServerError)
  /// A signed 64-bit number.
  case integer(Int64)
  /// Bytes.
  case bulk([UInt8])
  /// Replies in order.
  case array([RedisReply])
  /// Nothing: a key that does not exist, a Lua `nil`.
  case null

  /// The number of an integer reply, or of a bulk or simple string that spells one.
  public var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .simple(let text): Int64(text)
    case .bulk(let bytes): Int64(String(decoding: bytes, as: UTF8.self))
    case .error, .array, .null: nil
    }
  }

  /// The text of a simple or bulk string; malformed UTF-8 is repaired.
  public var text: String? {
    switch self {
    case .simple(let text): text
    case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
    case .error, .integer, .array, .null: nil
    }
  }

  /// The bytes of a bulk string.
  public var bytes: [UInt8]? {
    if case .bulk(let bytes) = self { bytes } else { nil }
  }

  /// The elements of an array.
  public var elements: [RedisReply]? {
    if case .array(let elements) = self { elements } else { nil }
  }
}
