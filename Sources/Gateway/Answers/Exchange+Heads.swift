internal import GatewayConfiguration
internal import HTTPWire
internal import Quotas
internal import Routing
internal import Transport

/// Writing the heads of answers.
extension Exchange {
  /// Writes the client's head for an upstream's answer into `pendingHead`. With `framing` length but a length not yet
  /// known, the caller ends it by `appendContentLength`.
  ///
  /// - Parameter replacesBody: the upstream's body will not be passed on but an error of ours in its place.
  func writeHead(
    _ head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan, framing upstreamFraming: ClientFraming,
    length: Int? = nil, replacesBody: Bool = false
  ) {
    var output = OutputBytes()
    swap(&output, &worker.scratch)
    output.removeAll()
    appendCommonFields(head.status, &output)
    bytes.withUnsafeBytes { all in
      for field in fields where Self.isPassedOn(field.id) && !(replacesBody && Self.describesBody(field.id)) {
        let value = UnsafeRawBufferPointer(rebasing: all[field.value])
        if upstream.secrets.contains(where: { Redaction.contains($0, value) }) { continue }
        let name = field.id.spelling
        output.append(name)
        output.append(": ")
        output.append(value)
        output.append("\r\n")
      }
    }
    if replacesBody { output.append("content-type: application/json\r\n") }
    if wantsStream && head.status < 400 { output.append("cache-control: no-cache\r\nx-accel-buffering: no\r\n") }
    framing = upstreamFraming
    // HTTP/1.0 knows no chunks: the end of the connection ends the body.
    if isHTTP10 && upstreamFraming == .chunked { framing = .close }
    if upstreamFraming == .none && method != .head && head.status != 204 && head.status != 304 {
      output.append("content-length: 0\r\n")
    }
    if framing == .chunked { output.append("transfer-encoding: chunked\r\n") }
    appendConnection(&output, closes: framing == .close)
    if let length {
      output.append("content-length: ")
      output.append(decimal: length)
      output.append("\r\n")
    }
    if framing != .length || length != nil { output.append("\r\n") }
    pendingHead = output.array
    swap(&output, &worker.scratch)
  }

  /// Ends `pendingHead` with the body's length.
  func appendContentLength(_ count: Int) {
    guard framing == .length else { return }
    pendingHead.append(contentsOf: "content-length: \(count)\r\n\r\n".utf8)
  }

  /// The fields of an upstream that a client may see; what describes the upstream's connection, limits or cookies stays here.
  private static func isPassedOn(_ name: FieldName) -> Bool {
    switch name {
    case .contentType, .contentEncoding, .contentDisposition, .contentRange, .retryAfter, .retryAfterMs, .xShouldRetry,
      .openaiVersion, .openaiProcessingMs, .etag, .lastModified:
      true
    default: false
    }
  }

  private static func describesBody(_ name: FieldName) -> Bool {
    switch name {
    case .contentType, .contentEncoding, .contentDisposition, .contentRange, .etag, .lastModified: true
    default: false
    }
  }

  private func appendCommonFields(_ status: Int, _ output: inout OutputBytes) {
    // A status from a parsed head or of our own has three digits.
    if status == 200 { output.append("HTTP/1.1 200 OK\r\n") } else { try? output.appendStatusLine(status) }
    worker.appendDate(to: &output)
    output.append("x-request-id: ")
    record.id.append(to: &output)
    output.append("\r\n")
    appendLimits(&output)
    guard plan.attempts > 0 else { return }
    if !record.model.isEmpty { append("x-sluice-model", record.model, &output) }
    if let upstream { output.append(upstream.nameLine) }
    output.append("x-sluice-attempts: ")
    output.append(decimal: plan.attempts)
    output.append("\r\n")
  }

  /// How the limits of the request stand, whether they admitted it or not.
  private func appendLimits(_ output: inout OutputBytes) {
    guard let views = grant?.views ?? admission?.views else { return }
    LimitHeaders.append(views, on: surface, unixTime: worker.unixTime, to: &output)
  }

  /// Appends a field with a name that a client or a file has given; what cannot stand in a head is left out.
  private func append(_ name: StaticString, _ value: String, _ output: inout OutputBytes) {
    var value = value
    value.withUTF8 { text in try? output.appendField(name, value: UnsafeRawBufferPointer(text).bytes) }
  }

  private func appendConnection(_ output: inout OutputBytes, closes: Bool) {
    if closes || !connection.mayKeepAlive {
      output.append("connection: close\r\n")
    } else if isHTTP10 {
      output.append("connection: keep-alive\r\n")
    }
  }

  // MARK: Answers of the gateway's own

  /// Answers with a body of the gateway's own and ends the request.
  func answerLocally(
    status: Int, contentType: StaticString?, body: [UInt8], outcome: RequestOutcome,
    fields: (inout OutputBytes) -> Void = { _ in }
  ) {
    var output = OutputBytes(capacity: 512 + body.count)
    appendCommonFields(status, &output)
    if let contentType {
      output.append("content-type: ")
      output.append(contentType)
      output.append("\r\n")
    }
    fields(&output)
    if status != 204 {
      output.append("content-length: ")
      output.append(decimal: body.count)
      output.append("\r\n")
    }
    appendConnection(&output, closes: false)
    output.append("\r\n")
    if method != .head { output.append(body) }
    record.status = status
    record.bytesOut += body.count
    isHeadSent = true
    isCommitted = true
    let keepAlive = connection.mayKeepAlive
    output.withUnsafeBytes { _ = connection.send($0) }
    finish(outcome)
    connection.finishResponse(keepAlive: keepAlive)
  }

  /// Answers with an error in OpenAI's form.
  func answerError(_ error: GatewayError, outcome: RequestOutcome) {
    record.errorCode = "\(error.code)"
    answerLocally(
      status: error.status, contentType: "application/json", body: error.body(on: surface), outcome: outcome
    ) {
      output in
      if let milliseconds = error.retryAfterMilliseconds {
        output.append("retry-after: ")
        output.append(decimal: (milliseconds + 999) / 1000)
        output.append("\r\nretry-after-ms: ")
        output.append(decimal: milliseconds)
        output.append("\r\n")
      }
      if let shouldRetry = error.shouldRetry {
        output.append(shouldRetry ? "x-should-retry: true\r\n" : "x-should-retry: false\r\n")
      }
      if let seconds = error.tokensResetSeconds, self.snapshot.settings.server.higressHeaders {
        output.append("x-tokenratelimit-reset: ")
        output.append(decimal: seconds)
        output.append("\r\n")
      }
      if error.status == 401 { output.append("www-authenticate: Bearer\r\n") }
      if error.status == 405, let allowed = self.surface.allowedMethods {
        output.append("allow: ")
        output.append(allowed)
        output.append("\r\n")
      }
    }
  }

  /// Refuses from inside `begin`.
  func refuse(_ error: GatewayError) -> Int? {
    answerError(error, outcome: .refused)
    return nil
  }

  /// Says which methods there are.
  func answerOptions() -> Int? {
    let allowed = surface.allowedMethods ?? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    answerLocally(status: 204, contentType: nil, body: [], outcome: .completed) { output in
      output.append("allow: ")
      output.append(allowed)
      output.append("\r\n")
    }
    return nil
  }
}
