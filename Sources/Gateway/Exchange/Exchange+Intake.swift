internal import ChatProtocol
internal import GatewayConfiguration
internal import HTTPWire
internal import Routing
internal import Transport

/// Who asks, and for what: the head.
extension Exchange {
  /// Judges a request's head: answers what needs no upstream, refuses who may not ask, notes what the upstream must know.
  ///
  /// - Returns: how many bytes of body to accept; nil when the request has been answered.
  func begin(_ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan) -> Int? {
    method = head.method
    isHTTP10 = head.versionMinor == 0
    surface = Surface.of(head.path, in: bytes)
    if snapshot.settings.log.access { noteRequestLine(head, fields, bytes) }
    // A path that is one of ours to the letter hides nothing.
    if !surface.isExactPath, RequestTarget.isSuspicious(bytes.extracting(head.path)) {
      return refuse(.suspiciousPath)
    }
    if head.method == .options { return answerOptions() }
    guard surface.allows(head.method) else {
      return refuse(.methodNotAllowed(surface.allowedMethods ?? "GET, POST, PUT, PATCH, DELETE"))
    }
    switch surface {
    case .unknown: return refuse(.unknownPath)
    case .live, .ready, .health: return answerHealth()
    default: break
    }
    var presented: Range<Int>?
    switch snapshot.identities.identify(fields, bytes, presented: &presented) {
    case .consumer(let index, let digest):
      consumer = index
      if digest == nil, let presented, presented.count >= CredentialShield.keyBytesMin {
        unknownKey = IdentityTable.digest(of: presented, bytes)
      }
      if snapshot.factsWanted.isOfHead { noteFacts(head, fields, bytes, key: digest) }
    case .noCredential: return refuse(.noCredential)
    case .badCredential: return refuse(.badCredential)
    case .ambiguous: return refuse(.ambiguousCredential)
    }
    record.consumer = snapshot.consumerName(consumer)
    switch surface {
    case .models: return answerModels()
    case .model(let range):
      let start = head.path.lowerBound
      return answerModel(bytes.extracting(start + range.lowerBound..<start + range.upperBound))
    default: break
    }
    noteTarget(head, bytes, presented)
    guard noteForwardedFields(fields, bytes, presented) else { return refuse(.duplicateContentType) }
    if let error = judgePath(head.path, bytes) { return refuse(error) }
    return snapshot.settings.server.bodyBytesMax
  }

  // MARK: Notes for the upstream and the record

  private func noteTarget(_ head: RequestHead, _ bytes: RawSpan, _ presented: Range<Int>?) {
    if surface == .chatCompletions && head.query == nil { return }
    let end = head.query?.upperBound ?? head.path.upperBound
    bytes.withUnsafeBytes { all in
      // The path begins with /v1 or /v2, or the surface would be another.
      target = [UInt8](all[(head.path.lowerBound + 3)..<end])
      isSecondVersion = all[head.path.lowerBound + 2] == UInt8(ascii: "2")
    }
    // The path of an endpoint of ours holds nothing of the client.
    guard head.query != nil || surface == .byRoute else { return }
    target = CredentialShield(presented, bytes, snapshot.identities).cleaned(target: target)
  }

  /// Copies the fields that an upstream may see. Everything else stays here: credentials, addresses, cookies, framing; and any that holds the
  /// client's key.
  ///
  /// - Returns: false when two fields say what the body is.
  private func noteForwardedFields(_ fields: [HeaderField], _ bytes: RawSpan, _ presented: Range<Int>?) -> Bool {
    forwardedFields.reserveCapacity(256)
    return bytes.withUnsafeBytes { all in
      for field in fields {
        switch field.id {
        case .contentType:
          guard content == .none else { return false }
          content = ContentKind(bytes.extracting(field.value))
          if appendsOwnContentType { continue }
        case .accept, .userAgent, .idempotencyKey, .traceparent, .tracestate, .openaiBeta, .anthropicVersion,
          .anthropicBeta:
          break
        default: continue
        }
        if CredentialShield.holds(key: presented, bytes, in: UnsafeRawBufferPointer(rebasing: all[field.value])) {
          continue
        }
        forward(field, all)
      }
      return true
    }
  }

  /// One line as it came: the parser has checked name and value.
  private func forward(_ field: HeaderField, _ all: UnsafeRawBufferPointer) {
    let line = field.name.lowerBound..<(field.value.upperBound + 2)
    // As nearly everybody writes it, with nothing around the value but one space.
    if field.value.lowerBound == field.name.upperBound + 2, line.upperBound <= all.count,
      all[line.upperBound - 2] == 13,
      all[line.upperBound - 1] == 10, all[field.name.upperBound + 1] == UInt8(ascii: " ")
    {
      forwardedFields.append(contentsOf: all[line])
      return
    }
    forwardedFields.append(contentsOf: all[field.name])
    forwardedFields.append(UInt8(ascii: ":"))
    forwardedFields.append(UInt8(ascii: " "))
    forwardedFields.append(contentsOf: all[field.value])
    forwardedFields.append(13)
    forwardedFields.append(10)
  }

  /// What is read as JSON here must not be read as something else there: some servers read a body as a form if its type says so, and find another
  /// model in it. So it goes on as JSON.
  private var appendsOwnContentType: Bool {
    switch (surface, content) {
    case (_, .json), (.byRoute, _), (.jsonByModel, .form), (.multipartByModel, .form): return false
    default:
      forwardedFields.append(contentsOf: "content-type: application/json\r\n".utf8)
      return true
    }
  }

  private func noteFacts(_ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, key: KeyDigestWords?) {
    headFacts = snapshot.factsWanted.read(
      head, fields, bytes, peer: connection.host, trusted: snapshot.settings.server.trustedProxies,
      key: snapshot.factsWanted.wantsKey ? key?.hexadecimal : nil)
  }

  private func loggedPath(_ path: RawSpan, _ fields: [HeaderField], _ bytes: RawSpan) -> String {
    let text = path.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    let shield = CredentialShield(IdentityTable.presented(fields, bytes), bytes, snapshot.identities)
    return String(decoding: shield.cleaned(path: text).utf8.prefix(256), as: UTF8.self)
  }

  private func noteRequestLine(_ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan) {
    record.method = head.method
    // The usual path is a constant; others are copied.
    record.path =
      surface == .chatCompletions
      ? "/v1/chat/completions" : loggedPath(bytes.extracting(head.path), fields, bytes)
    record.clientAddress = ClientAddress.of(
      connection.host, fields, bytes, trusted: snapshot.settings.server.trustedProxies)
  }
}
