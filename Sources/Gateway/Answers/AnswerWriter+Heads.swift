internal import GatewayConfiguration
internal import HTTPWire
internal import Quotas
internal import Transport

/// How an upstream's head becomes the client's.
struct HeadForm {
  var framing: AnswerWriter.Framing
  /// Nil: not known, or not told.
  var length: Int?
  /// What the body is said to be: as the upstream says, or otherwise.
  var type = BodyType.asTold

  enum BodyType {
    case asTold
    /// It is an event stream, whatever was said.
    case eventStream
    /// An error of ours takes its place.
    case ownError
  }
}

/// Writing the heads of answers.
extension AnswerWriter {
  /// Writes the client's head for an upstream's answer. With the framing `length` and no length yet, `sendDocument` ends it.
  mutating func writeHead(
    _ head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan, _ form: HeadForm, _ state: inout RequestState,
    attempts: Int
  ) {
    let context = state.headContext(attempts: attempts)
    var output = OutputBytes()
    swap(&output, &context.services.scratch)
    output.removeAll()
    Self.appendCommon(head.status, &state.record, state.attempt.upstream.nameLine, context, to: &output)
    Self.append(fields, bytes, form.type, without: state.attempt.upstream.secrets, to: &output)
    switch form.type {
    case .asTold: break
    case .eventStream: output.append("content-type: text/event-stream\r\n")
    case .ownError: output.append("content-type: application/json\r\n")
    }
    if state.image.wantsStream && head.status < 400 {
      output.append("cache-control: no-cache\r\nx-accel-buffering: no\r\n")
    }
    framing = form.framing
    // HTTP/1.0 knows no chunks: the end of the connection ends the body.
    if context.isHTTP10 && framing == .chunked { framing = .close }
    if framing == .none && context.method != .head && head.status != 204 && head.status != 304 {
      output.append("content-length: 0\r\n")
    }
    if framing == .chunked { output.append("transfer-encoding: chunked\r\n") }
    appendConnection(to: &output, context)
    if let length = form.length {
      output.append("content-length: ")
      output.append(decimal: length)
      output.append("\r\n")
    }
    if framing != .length || form.length != nil { output.append("\r\n") }
    pendingHead = output.array
    swap(&output, &context.services.scratch)
  }

  private static func append(
    _ fields: [HeaderField], _ bytes: RawSpan, _ type: HeadForm.BodyType, without secrets: [[UInt8]],
    to output: inout OutputBytes
  ) {
    bytes.withUnsafeBytes { all in
      for field in fields where isPassedOn(field.id) {
        switch type {
        case .asTold: break
        case .eventStream: if field.id == .contentType { continue }
        case .ownError: if describesBody(field.id) { continue }
        }
        let value = UnsafeRawBufferPointer(rebasing: all[field.value])
        if secrets.contains(where: { Redaction.contains($0, value) }) { continue }
        output.append(field.id.spelling)
        output.append(": ")
        output.append(value)
        output.append("\r\n")
      }
    }
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

  private static func appendCommon(
    _ status: Int, _ record: inout RequestRecord, _ nameLine: [UInt8]?, _ context: HeadContext,
    to output: inout OutputBytes
  ) {
    // A status from a parsed head or of our own has three digits.
    if status == 200 { output.append("HTTP/1.1 200 OK\r\n") } else { try? output.appendStatusLine(status) }
    context.services.appendDate(to: &output)
    output.append("x-request-id: ")
    record.id.append(to: &output)
    output.append("\r\n")
    if let limits = context.limits {
      LimitHeaders.append(limits, on: context.surface, unixTime: context.services.unixTime, to: &output)
    }
    guard context.attempts > 0 else { return }
    if !record.model.isEmpty { append("x-sluice-model", record.model, to: &output) }
    if let nameLine { output.append(nameLine) }
    output.append("x-sluice-attempts: ")
    output.append(decimal: context.attempts)
    output.append("\r\n")
  }

  /// Appends a field with a name that a client or a file has given; what cannot stand in a head is left out.
  private static func append(_ name: StaticString, _ value: String, to output: inout OutputBytes) {
    var value = value
    value.withUTF8 { text in try? output.appendField(name, value: UnsafeRawBufferPointer(text).bytes) }
  }

  private func appendConnection(to output: inout OutputBytes, _ context: HeadContext) {
    if framing == .close || !mayKeepAlive {
      output.append("connection: close\r\n")
    } else if context.isHTTP10 {
      output.append("connection: keep-alive\r\n")
    }
  }

  // MARK: Answers of the gateway's own

  /// Sends an answer of the gateway's own.
  mutating func send(
    _ document: LocalDocument, _ state: inout RequestState, attempts: Int
  ) {
    let context = state.headContext(attempts: attempts)
    state.record.status = document.status
    var output = OutputBytes(capacity: 512)
    Self.appendCommon(document.status, &state.record, state.attempt?.upstream.nameLine, context, to: &output)
    if let type = document.contentType {
      output.append("content-type: ")
      output.append(type)
      output.append("\r\n")
    }
    document.fields(&output)
    framing = document.status == 204 ? .none : .length
    if document.status != 204 {
      output.append("content-length: ")
      output.append(decimal: document.body.count)
      output.append("\r\n")
    }
    appendConnection(to: &output, context)
    output.append("\r\n")
    pendingHead = output.array
    framing = .none
    sendDocument(document.body, isHead: context.method == .head)
  }
}
