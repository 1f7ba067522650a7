internal import COpenSSL

/// A Lua script and its SHA-1, by which servers know it.
///
/// It is called by `EVALSHA`; a server that does not know it (restarted, flushed, a new master) answers `NOSCRIPT`, and the client sends the whole
/// text once, which also has the server keep it.
public struct RedisScript: Equatable, Sendable {
  /// The Lua text.
  public let text: String
  /// Its SHA-1, 40 hexadecimal digits in lower case.
  public let digest: String

  /// A script of that text.
  public init(_ text: String) {
    self.text = text
    var hash = [UInt8](repeating: 0, count: 20)
    let bytes = Array(text.utf8)
    _ = SHA1(bytes, bytes.count, &hash)
    let digits = Array("0123456789abcdef".utf8)
    digest = String(decoding: hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The call with these keys and no arguments yet; arguments are appended. In a cluster all keys must share a slot (a `{tag}`).
  public func call(keys: [String]) -> RedisCommand {
    var command = RedisCommand("EVALSHA", digest)
    command.append(keys.count)
    for key in keys { command.appendKey(key) }
    command.scriptText = text
    return command
  }

  /// The same call for a server that does not know the script.
  package static func whole(_ call: RedisCommand) -> RedisCommand? {
    call.scriptText.map { call.replacingFirstWords(with: ["EVAL", $0]) }
  }
}
