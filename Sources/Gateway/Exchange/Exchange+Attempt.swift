internal import ChatProtocol
internal import CLinux
internal import GatewayConfiguration
internal import HTTPWire
internal import Quotas
internal import Reactor
internal import Routing
internal import TokenAccounting
internal import Transport
internal import Upstreams

/// Leasing a session and sending the request.
extension Exchange: LeaseWaiter {
  /// Begins an attempt with the candidate in use. `body` need not outlive the call.
  func attempt(
    _ body: UnsafeRawBufferPointer, _ findings: BodyFindings, fresh: Bool = false, avoidingEndpoint: Int? = nil
  ) {
    endpoint = nil
    let upstream = snapshot.upstreams[candidate.upstreamIndex]
    self.upstream = upstream
    record.upstream = upstream.name
    tokens = snapshot.tokens(of: candidate)
    record.bodyBytes = body.count
    isSent = false
    isTimedOut = false
    record.tokens.countedPrompt = nil
    promptCount = nil
    if let name = candidate.upstreamModel {
      record.upstreamModel = String(decoding: name, as: UTF8.self)
    } else if plan.candidate > 0 {
      record.upstreamModel = ""
    }
    totalDeadline = record.startedAt + upstream.settings.timeouts.total
    armTimer()
    if grant == nil, let desk = worker.desk { return admit(body, findings, by: desk) }
    lease(body, findings, fresh: fresh, avoidingEndpoint: avoidingEndpoint)
  }

  /// Leases a session of the upstream in use and sends the request. `body` need not outlive the call.
  func lease(
    _ body: UnsafeRawBufferPointer, _ findings: BodyFindings, fresh: Bool = false, avoidingEndpoint: Int? = nil
  ) {
    plan.began()
    record.attempts = plan.attempts
    guard let upstream else { return }
    let pool = upstream.pools[reactor.index]
    self.pool = pool
    let wish = LeaseWish(fresh: fresh, avoidingEndpoint: avoidingEndpoint, random: worker.random.nextWord())
    switch pool.leaseNow(wish, for: self, now: reactor.now) {
    case .session(let session): send(body, findings, on: session)
    case .waiting(let id):
      leaseWait = id
      keepBody(body)
    case .refused(let failure):
      keepBody(body)
      attemptFailed(.noSession, .lease(failure, upstream: upstream.name))
    }
  }

  /// A session has come free or was connected.
  func leaseGranted(_ session: UpstreamSession, id: LeaseID) {
    guard !isFinished, leaseWait == id else {
      // The client left in the same turn.
      pool?.giveBackNow(session)
      return
    }
    leaseWait = nil
    let kept = message
    kept.withUnsafeBytes { bytes in
      let body = UnsafeRawBufferPointer(rebasing: bytes[messageBodyStart...])
      send(body, findAgain(body), on: session)
    }
  }

  /// There will be no session.
  func leaseFailed(_ failure: LeaseFailure, id: LeaseID) {
    guard !isFinished, leaseWait == id else { return }
    leaseWait = nil
    attemptFailed(.noSession, .lease(failure, upstream: upstream.name))
  }

  private func send(_ body: UnsafeRawBufferPointer, _ findings: BodyFindings, on session: UpstreamSession) {
    self.session = session
    // Another candidate has another bound.
    if grant?.clampedMaxTokens != nil && original == nil && candidates.count > 1 { original = [UInt8](body) }
    endpoint = session.endpoint
    sessionWasKept = session.requestCount > 0
    writeMessage(body, edits(findings), endpoint: session.endpoint)
    if wantsStream { setProgressDeadline(upstream.settings.timeouts.firstToken) }
    session.begin(message, method: method, receiver: self)
    isSent = true
    forgetMessageIfDone()
    // Limits may have asked for it before.
    if wantsStream && body.count <= Self.promptBytesAtOnce && record.tokens.countedPrompt == nil && promptCount == nil {
      countPrompt(body, findings)
    }
  }

  func keepBody(_ body: UnsafeRawBufferPointer) {
    message = [UInt8](body)
    messageBodyStart = 0
    countBodies()
  }

  /// Writes the request for the upstream: head and body, with the body's edits spliced in, in one piece of memory.
  private func writeMessage(_ body: UnsafeRawBufferPointer, _ edits: BodyEdits, endpoint: Int) {
    guard let upstream else { return }
    var head = OutputBytes()
    swap(&head, &worker.scratch)
    head.removeAll()
    head.append(method.name)
    head.append(byte: UInt8(ascii: " "))
    head.append(upstream.pathPrefixes[endpoint])
    if target.isEmpty { head.append(surface.usualTarget) } else { head.append(target) }
    head.append(upstream.headParts[endpoint])
    head.append(upstream.credentialLines[worker.nextKey(of: candidate.upstreamIndex, upstream.credentialLines.count)])
    head.append(forwardedFields)
    head.append("x-request-id: ")
    record.id.append(to: &head)
    head.append("\r\n")
    let bodyCount = edits.byteCount(of: body)
    if bodyCount > 0 || method == .post || method == .put || method == .patch {
      head.append("content-length: ")
      head.append(decimal: bodyCount)
      head.append("\r\n")
    }
    head.append("\r\n")
    let headCount = head.count
    message = [UInt8](unsafeUninitializedCapacity: headCount + bodyCount) { buffer, count in
      let target = UnsafeMutableRawBufferPointer(buffer)
      head.withUnsafeBytes { target.copyMemory(from: $0) }
      edits.write(body, into: UnsafeMutableRawBufferPointer(rebasing: target[headCount...]))
      count = headCount + bodyCount
    }
    messageBodyStart = headCount
    countBodies()
    swap(&head, &worker.scratch)
  }

  /// What changes in the body for the candidate in use.
  private func edits(_ findings: BodyFindings) -> BodyEdits {
    switch findings {
    case .opaque: return .none
    case .multipart(let fields):
      let name = candidate.upstreamModel ?? askedModel
      guard let model = fields.model, !name.isEmpty, name != askedModel || isBodyEdited else { return .none }
      return .splice(model, name)
    case .json(let fields):
      let renames =
        !record.model.isEmpty && (isBodyEdited || candidate.upstreamModel.map { $0 != askedModel } ?? false)
      let asksForUsage = wantsStream && surface.isChunkStream && upstream.settings.asksForUsage
      let clamp = grant?.clampedMaxTokens
      guard renames || asksForUsage || clamp != nil else { return .none }
      var edits = RequestEdits(fields)
      if renames {
        edits.replaceModel(
          with: JSONText.quoted(String(decoding: candidate.upstreamModel ?? askedModel, as: UTF8.self)))
      }
      if asksForUsage { edits.requireUsage() }
      // The upstream itself stops in time where so little is left.
      if let clamp, let bound = tokenBound { edits.setMaxTokens(clamp, adding: bound) }
      return .json(edits)
    }
  }

  /// How a bound on the answer is called that the request does not have.
  private var tokenBound: TokenBound? {
    guard surface == .chatCompletions else { return surface.tokenBound }
    // OpenAI's reasoning models take only the later name wherever they are served, and its others take both from OpenAI and Azure, where names tell nothing.
    let provider = upstream.settings.provider.name
    let takesLaterName =
      provider == "openai" || provider == "azure" || ModelOutputLimit.takesCompletionBoundOnly(servedModel)
    return takesLaterName ? .maxCompletionTokens : .maxTokens
  }

  /// The model's name at the upstream.
  private var servedModel: String {
    candidate.upstreamModel.map { String(decoding: $0, as: UTF8.self) } ?? record.model
  }

  /// The most tokens that one answer of the candidate's model can have.
  var outputMax: Int { tokens?.outputMax ?? ModelOutputLimit.tokens(forModel: servedModel) }

  /// The model's name as the client gave it.
  private var askedModel: [UInt8] { Array(record.model.utf8) }

  /// Whether the body at hand was already written for another candidate.
  private var isBodyEdited: Bool { plan.attempts > 1 }

  /// Sends the request again: to the same candidate, or to the next.
  func attemptAgain(fresh: Bool, avoidingEndpoint: Int? = nil) {
    let kept = original ?? message
    let start = original == nil ? messageBodyStart : 0
    kept.withUnsafeBytes { bytes in
      let body = UnsafeRawBufferPointer(rebasing: bytes[start...])
      attempt(body, findAgain(body), fresh: fresh, avoidingEndpoint: avoidingEndpoint)
    }
  }

  /// Reads a kept body once more: it may have been edited since it was first read.
  func findAgain(_ body: UnsafeRawBufferPointer) -> BodyFindings {
    switch bodyKind {
    case .json:
      if let fields = try? RequestScanner.scan(body.bytes, acting: surface.fields) { return .json(fields) }
    case .multipart:
      if case .form(let boundary) = content, let fields = try? MultipartScanner.scan(body.bytes, boundary: boundary) {
        return .multipart(fields)
      }
    case .opaque: break
    }
    return .opaque
  }

  /// Lets go of the upstream: cancels what is under way there.
  func releaseUpstream(_ outcome: SessionOutcome) {
    cancelLimitWait()
    if let leaseWait, let pool { pool.assumeIsolated { $0.cancel(leaseWait) } }
    leaseWait = nil
    if let session, let pool {
      session.abandon()
      pool.assumeIsolated { $0.discard(session, outcome) }
    }
    session = nil
    progressDeadline = .never
  }
}

/// The splices of one request body.
enum BodyEdits {
  case none
  case json(RequestEdits)
  case splice(Range<Int>, [UInt8])

  func byteCount(of body: UnsafeRawBufferPointer) -> Int {
    switch self {
    case .none: body.count
    case .json(let edits): edits.editedByteCount(bodyByteCount: body.count)
    case .splice(let range, let text): body.count - range.count + text.count
    }
  }

  func write(_ body: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
    switch self {
    case .none:
      if body.count <= target.count { target.copyMemory(from: body) }
    case .json(let edits):
      // The room was measured by the same edits. Were they ever not to fill it, what is sent must still not be memory of before.
      if edits.write(body: body.bytes, into: target) != target.count {
        target.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: " "))
      }
    case .splice(let range, let text):
      // As above: release builds check no slice of such a buffer.
      guard range.lowerBound >= 0, range.upperBound <= body.count, target.count == byteCount(of: body) else {
        target.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: " "))
        return
      }
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: body[..<range.lowerBound]))
      text.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[range.lowerBound...]).copyMemory(from: $0) }
      UnsafeMutableRawBufferPointer(rebasing: target[(range.lowerBound + text.count)...])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: body[range.upperBound...]))
    }
  }
}
