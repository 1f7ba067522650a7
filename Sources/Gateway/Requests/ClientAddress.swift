internal import GatewayConfiguration
internal import HTTPWire

/// Whose request it is when proxies stand between.
enum ClientAddress {
  /// More hops than this in one field are not walked.
  private static let hopsMax = 32

  /// The peer's address, or, when the peer is a trusted proxy, the last address in `X-Forwarded-For` that is not one itself. Whatever
  /// stands to the left of that was written by someone who is not trusted.
  static func of(
    _ peer: String, _ fields: [HeaderField], _ bytes: RawSpan, trusted: [CIDR]
  ) -> String {
    guard !trusted.isEmpty, isTrusted(peer, trusted) else { return peer }
    var hops: [String] = []
    for field in fields where field.id == .xForwardedFor {
      let text = bytes.withUnsafeBytes { String(decoding: $0[field.value], as: UTF8.self) }
      hops += text.split(separator: ",").map { hop in
        String(hop.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
      }
    }
    for hop in hops.suffix(hopsMax).reversed() {
      guard IPAddress(hop) != nil else { break }
      if !isTrusted(hop, trusted) { return hop }
    }
    return peer
  }

  /// Whether the host is a proxy that is believed.
  static func isTrusted(_ host: String, _ trusted: [CIDR]) -> Bool {
    guard let address = IPAddress(host) else { return false }
    return trusted.contains { $0.contains(address) }
  }
}
