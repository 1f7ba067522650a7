internal import GatewayConfiguration
internal import HTTPWire
internal import Routing
internal import Transport

/// What of a request's head stands in its record: no key, and no query.
extension RequestRecord {
  mutating func note(
    _ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, on surface: Surface,
    from peer: DownstreamConnection, _ snapshot: GatewaySnapshot
  ) {
    method = head.method
    // The usual path is a constant; others are copied.
    path =
      surface == .chatCompletions
      ? "/v1/chat/completions" : Self.shown(bytes.extracting(head.path), fields, bytes, snapshot)
    clientAddress = ClientAddress.of(peer.host, fields, bytes, trusted: snapshot.settings.server.trustedProxies)
  }

  /// What the body asked for.
  mutating func note(_ image: inout RequestImage) {
    isStream = image.wantsStream
    model = image.model
    bodyBytes = image.body?.byteCount ?? 0
  }

  /// Where it is tried.
  mutating func note(_ attempt: inout Attempt) {
    upstream = attempt.upstream.name
    upstreamModel = attempt.candidate.upstreamModel == nil ? "" : attempt.servedModel
  }

  private static func shown(
    _ path: RawSpan, _ fields: [HeaderField], _ bytes: RawSpan, _ snapshot: GatewaySnapshot
  ) -> String {
    let text = path.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    let shield = CredentialShield(IdentityTable.presented(fields, bytes), bytes, snapshot.identities)
    return String(decoding: shield.cleaned(path: text).utf8.prefix(256), as: UTF8.self)
  }
}
