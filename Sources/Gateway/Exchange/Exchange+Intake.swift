internal import ChatProtocol
internal import GatewayConfiguration
internal import HTTPWire
internal import Routing
internal import Transport

/// Who asks, and for what.
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
    switch snapshot.identities.identify(fields, bytes) {
    case .consumer(let index, let digest):
      consumer = index
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
    noteTarget(head, bytes)
    noteForwardedFields(fields, bytes)
    return snapshot.settings.server.bodyBytesMax
  }

  /// The body is complete: finds the model, the candidates, and begins the first attempt.
  func bodyArrived(_ body: UnsafeRawBufferPointer) {
    do throws(GatewayError) {
      let findings = try findRoute(body)
      plan = AttemptPlan(candidateCount: candidates.count)
      if candidatesDifferOnUsage { original = [UInt8](body) }
      attempt(body, findings)
    } catch {
      tell(error, outcome: .refused)
    }
  }

  /// Whether the usage option must be spliced in for some candidates and kept from others.
  private var candidatesDifferOnUsage: Bool {
    guard candidates.count > 1, wantsStream, surface.isChunkStream, !wantsUsage else { return false }
    let first = snapshot.upstreams[candidates[0].upstreamIndex].settings.asksForUsage
    return candidates.contains { snapshot.upstreams[$0.upstreamIndex].settings.asksForUsage != first }
  }

  private func findRoute(_ body: UnsafeRawBufferPointer) throws(GatewayError) -> BodyFindings {
    switch surface {
    case .chatCompletions, .completions, .embeddings: return try routeByModel(body, isRequired: true)
    case .messages, .responses, .jsonByModel:
      guard method == .post else { break }
      return try routeByModel(body, isRequired: false)
    case .multipartByModel: return try routeByMultipart(body)
    default: break
    }
    try routeByPath()
    return .opaque
  }

  private func routeByModel(_ body: UnsafeRawBufferPointer, isRequired: Bool) throws(GatewayError) -> BodyFindings {
    let span = body.bytes
    let fields: RequestFields
    do throws(JSONScanError) {
      fields = try RequestScanner.scan(span)
    } catch { throw .invalidJSON(error) }
    bodyKind = .json
    wantsStream = fields.isStream && surface != .embeddings
    record.isStream = wantsStream
    wantsUsage = fields.asksForUsage
    choiceCount = fields.n?.value ?? 1
    guard let model = fields.model, !model.isEmpty else {
      if isRequired { throw .noModel }
      try routeByPath()
      return .json(fields)
    }
    if model.hasEscapes {
      var name: [UInt8] = []
      model.appendText(in: span, to: &name)
      try route(to: name.span.bytes)
    } else {
      try route(to: span.extracting(model.contents))
    }
    return .json(fields)
  }

  private func routeByMultipart(_ body: UnsafeRawBufferPointer) throws(GatewayError) -> BodyFindings {
    guard let boundary else {
      throw GatewayError(
        400, "invalid_request_error", "invalid_multipart",
        "The body must be multipart/form-data with a boundary in the content-type.")
    }
    let range: Range<Int>?
    do throws(MultipartError) {
      range = try MultipartScanner.modelField(body: body.bytes, boundary: boundary)
    } catch {
      throw GatewayError(
        400, "invalid_request_error", "invalid_multipart", "The multipart body is malformed: \(error).")
    }
    bodyKind = .multipart
    if let range, !range.isEmpty {
      try route(to: body.bytes.extracting(range))
    } else {
      try routeByPath()
    }
    return .multipart(model: range)
  }

  private func route(to name: RawSpan) throws(GatewayError) {
    guard let route = snapshot.routes.resolve(name) else {
      let text = name.withUnsafeBytes { String(decoding: $0.prefix(RouteTable.nameBytesMax), as: UTF8.self) }
      throw .unknownModel(text, nearest: snapshot.routes.nearestNames(to: text, for: consumer))
    }
    guard snapshot.routes.mayUse(consumer, route) else {
      throw .modelNotAllowed(route.publicName, consumer: record.consumer)
    }
    record.model = route.publicName
    candidates = snapshot.routes.candidates(of: route, for: consumer)
  }

  private func routeByPath() throws(GatewayError) {
    let path = "/v1" + String(decoding: target.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
    guard let index = snapshot.upstreamByRoute(method: "\(method.name)", path: path, for: consumer) else {
      throw .noRoute
    }
    candidates = [Candidate(upstreamIndex: index, upstreamModel: nil, modelIndex: nil)]
  }

  // MARK: Notes for the upstream and the record

  private func noteTarget(_ head: RequestHead, _ bytes: RawSpan) {
    if surface == .chatCompletions && head.query == nil { return }
    let end = head.query?.upperBound ?? head.path.upperBound
    bytes.withUnsafeBytes { all in
      // The path begins with /v1, or the surface would be another.
      target = [UInt8](all[(head.path.lowerBound + 3)..<end])
    }
  }

  /// Copies the fields that an upstream may see. Everything else stays here: credentials, addresses, cookies, framing.
  private func noteForwardedFields(_ fields: [HeaderField], _ bytes: RawSpan) {
    forwardedFields.reserveCapacity(256)
    bytes.withUnsafeBytes { all in
      for field in fields {
        switch field.id {
        case .contentType:
          if surface == .multipartByModel {
            boundary = MultipartScanner.boundary(fromContentType: bytes.extracting(field.value))
          }
        case .accept, .userAgent, .idempotencyKey, .traceparent, .tracestate, .openaiBeta, .anthropicVersion,
          .anthropicBeta:
          break
        default: continue
        }
        // One line as it came: the parser has checked name and value, and nothing stands between them but ": ".
        forwardedFields.append(contentsOf: all[field.name])
        forwardedFields.append(UInt8(ascii: ":"))
        forwardedFields.append(UInt8(ascii: " "))
        forwardedFields.append(contentsOf: all[field.value])
        forwardedFields.append(13)
        forwardedFields.append(10)
      }
    }
  }

  private func noteFacts(_ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, key: KeyDigestWords?) {
    headFacts = snapshot.factsWanted.read(
      head, fields, bytes, peer: connection.host, trusted: snapshot.settings.server.trustedProxies,
      key: snapshot.factsWanted.wantsKey ? key?.hexadecimal : nil)
  }

  private func noteRequestLine(_ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan) {
    record.method = head.method
    // The usual path is a constant; others are copied.
    record.path =
      surface == .chatCompletions
      ? "/v1/chat/completions" : bytes.withUnsafeBytes { String(decoding: $0[head.path].prefix(256), as: UTF8.self) }
    record.clientAddress = ClientAddress.of(
      connection.host, fields, bytes, trusted: snapshot.settings.server.trustedProxies)
  }
}
