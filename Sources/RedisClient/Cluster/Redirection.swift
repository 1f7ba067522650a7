/// Where a cluster's node sends a command instead: `MOVED 3999 127.0.0.1:6381` for good, `ASK 3999 127.0.0.1:6381` for this once, while the
/// slot is on its way.
package struct Redirection: Equatable, Sendable {
  /// The slot spoken of.
  package let slot: Int
  /// Whom to ask.
  package let endpoint: RedisEndpoint
  /// True for `ASK`: the command must follow an `ASKING`, and the map stays as it is.
  package let isAsk: Bool

  /// Reads an error; nil when it is no redirection, or a malformed one.
  ///
  /// - Parameter asked: who answered; an empty host means the same host (`cluster-preferred-endpoint-type unknown-endpoint`).
  package init?(_ error: RedisServerError, asked: RedisEndpoint) {
    guard error.code == "MOVED" || error.code == "ASK" else { return nil }
    let words = error.message.split(separator: " ")
    guard words.count == 3, let slot = Int(words[1]), (0..<HashSlot.count).contains(slot),
      let colon = words[2].lastIndex(of: ":"), let port = UInt16(words[2][words[2].index(after: colon)...]), port > 0
    else { return nil }
    let host = words[2][..<colon]
    guard host.utf8.count <= 255 else { return nil }
    self.slot = slot
    endpoint = RedisEndpoint(host: host.isEmpty ? asked.host : String(host), port: port)
    isAsk = error.code == "ASK"
  }
}
