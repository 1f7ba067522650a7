internal import ChatProtocol
internal import GatewayConfiguration
internal import HTTPWire
internal import Routing
internal import Transport

/// What is to be done with a request whose head has been read.
enum IntakeVerdict {
  /// Its body is to be read, up to so many bytes.
  case body(Int)
  case refused(GatewayError)
  /// It needs no upstream.
  case local(LocalQuestion)
}

/// Who asks, and for what: the head.
extension RequestImage {
  /// Judges a request's head: who may not ask, what needs no upstream; notes what an upstream must know.
  ///
  /// - Parameter peer: the client.
  mutating func read(
    _ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, _ snapshot: GatewaySnapshot,
    from peer: DownstreamConnection, _ record: inout RequestRecord
  ) -> IntakeVerdict {
    method = head.method
    isHTTP10 = head.versionMinor == 0
    surface = Surface.of(head.path, in: bytes)
    if snapshot.settings.log.access {
      record.note(head, fields, bytes, on: surface, from: peer, snapshot)
    }
    // A path that is one of ours to the letter hides nothing.
    if !surface.isExactPath, RequestTarget.isSuspicious(bytes.extracting(head.path)) {
      return .refused(.suspiciousPath)
    }
    if head.method == .options { return .local(.options) }
    guard surface.allows(head.method) else {
      return .refused(.methodNotAllowed(surface.allowedMethods ?? "GET, POST, PUT, PATCH, DELETE"))
    }
    switch surface {
    case .unknown: return .refused(.unknownPath)
    case .live, .ready, .health: return .local(.health)
    default: break
    }
    var presented: Range<Int>?
    if let error = identify(head, fields, bytes, snapshot, peer, &presented) { return .refused(error) }
    switch surface {
    case .models: return .local(.models)
    case .model(let range):
      let start = head.path.lowerBound
      let name = bytes.extracting(start + range.lowerBound..<start + range.upperBound)
      return answerModel(PercentEncoding.decode(name), snapshot)
    default: break
    }
    noteTarget(head, bytes, presented, snapshot)
    guard noteForwardedFields(fields, bytes, presented) else { return .refused(.duplicateContentType) }
    if let error = judgePath(head.path, bytes, snapshot) { return .refused(error) }
    return .body(snapshot.settings.server.bodyBytesMax)
  }

  /// Tells of one model, or that there is none of that name for the caller.
  private func answerModel(_ name: String, _ snapshot: GatewaySnapshot) -> IntakeVerdict {
    guard let route = snapshot.routes.resolve(name), snapshot.routes.mayUse(consumer, route),
      route.isListed || !isKey(name, snapshot)
    else { return .refused(unknownModel(name, snapshot)) }
    return .local(.model(snapshot.routes.listing(of: route)))
  }

  private mutating func identify(
    _ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, _ snapshot: GatewaySnapshot,
    _ peer: DownstreamConnection, _ presented: inout Range<Int>?
  ) -> GatewayError? {
    switch snapshot.identities.identify(fields, bytes, presented: &presented) {
    case .consumer(let index, let digest):
      consumer = index
      consumerName = snapshot.consumerName(index)
      if digest == nil, let presented, presented.count >= IdentityTable.keyBytesMin {
        unknownKey = IdentityTable.digest(of: presented, bytes)
      }
      if snapshot.factsWanted.isOfHead {
        headFacts = snapshot.factsWanted.read(
          head, fields, bytes, peer: peer.host, trusted: snapshot.settings.server.trustedProxies,
          key: snapshot.factsWanted.wantsKey ? digest?.hexadecimal : nil)
      }
      return nil
    case .noCredential: return .noCredential
    case .badCredential: return .badCredential
    case .ambiguous: return .ambiguousCredential
    }
  }

  // MARK: Notes for the upstream

  private mutating func noteTarget(
    _ head: RequestHead, _ bytes: RawSpan, _ presented: Range<Int>?, _ snapshot: GatewaySnapshot
  ) {
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
  private mutating func noteForwardedFields(_ fields: [HeaderField], _ bytes: RawSpan, _ presented: Range<Int>?) -> Bool
  {
    forwardedFields.reserveCapacity(256)
    return bytes.withUnsafeBytes { all in
      for field in fields {
        switch field.id {
        case .contentType:
          guard content == .none else { return false }
          content = ContentKind(bytes.extracting(field.value))
          if appendsOwnContentType() { continue }
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
  private mutating func forward(_ field: HeaderField, _ all: UnsafeRawBufferPointer) {
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
  private mutating func appendsOwnContentType() -> Bool {
    switch (surface, content) {
    case (_, .json), (.byRoute, _), (.jsonByModel, .form), (.multipartByModel, .form): return false
    default:
      forwardedFields.append(contentsOf: "content-type: application/json\r\n".utf8)
      return true
    }
  }
}
