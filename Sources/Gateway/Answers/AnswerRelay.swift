internal import ChatProtocol
internal import HTTPWire
internal import Lifecycle
internal import Quotas
internal import ServerSentEvents
internal import Transport

/// The answer of the attempt under way, from the upstream's buffer to the client's writer. What it is, is judged by its head first and then by what comes.
struct AnswerRelay {
  /// What a part of the answer came to.
  struct Outcome {
    /// What the client has from now on; nil: nothing new.
    var delivered: Delivered?
    /// Something of it is content.
    var isContent = false
    /// Only blank bytes came, which show that the upstream is at work.
    var isBlank = false
    /// The client keeps up.
    var isTaken = true
    var next = Next.open

    /// How the answer goes on.
    enum Next {
      case open
      case began(isStream: Bool)
      case atLimit(isWhole: Bool, hasMore: Bool)
      case complete
      /// The attempt has failed with ``AnswerRelay/fault``.
      case failed
    }
  }

  /// What the client has, and could still get.
  struct ClientSide {
    /// Something of the answer, so that a fault is told inside it.
    let hasAnything: Bool
    /// The answer of somebody else in place of this one.
    let mayGetAnother: Bool
  }

  /// A head whose client's side has not been written yet.
  private struct WaitingHead {
    let head: ResponseHead
    let fields: [HeaderField]
    let bytes: [UInt8]
  }

  private(set) var form = AnswerForm.none
  private(set) var stream: StreamAnswer?
  private(set) var document: DocumentAnswer?
  private var error: ErrorAnswer?
  /// The head, while it waits for the first bytes of the body to say what they are.
  private var waitingHead: WaitingHead?
  /// Blank bytes that came before those.
  private var blank: [UInt8] = []
  /// Why the attempt has failed.
  private(set) var fault: Fault?
  var writer: AnswerWriter

  init(_ writer: AnswerWriter) { self.writer = writer }

  /// What was begun is as if it had never been.
  mutating func forget() {
    guard form != .none else { return }
    form = .none
    stream = nil
    document = nil
    error = nil
    waitingHead = nil
    blank = []
    fault = nil
    writer.forgetHead()
  }

  // MARK: The head

  /// The head of an error: gathered, to be judged when it is whole.
  mutating func beginError(
    _ head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan, _ state: inout RequestState, attempts: Int
  ) {
    let type = fields.firstValue(of: .contentType)
    let isJSON = type.map { AnswerForm.begins(bytes.extracting($0), "application/json") } ?? false
    let isReadable = isJSON && fields.firstValue(of: .contentEncoding) == nil
    form = .error
    error = ErrorAnswer(status: head.status, isJSON: isReadable)
    guard !writer.isHeadSent else { return }
    let form = HeadForm(framing: .length, type: isReadable ? .asTold : .ownError)
    writer.writeHead(head, fields, bytes, form, &state, attempts: attempts)
  }

  /// The head of a success.
  mutating func begin(
    _ head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan, _ state: inout RequestState,
    _ session: UpstreamSession, attempts: Int
  ) -> Outcome {
    switch AnswerForm.promised(by: head, fields, bytes, &state.image) {
    case .noAnswer(let what): return failed(.noAnswer(what, words: nil, upstream: state.attempt.upstream.name))
    case .form(.undecided):
      form = .undecided
      session.isReadInParts = true
      waitingHead = WaitingHead(head: head, fields: fields, bytes: bytes.withUnsafeBytes { [UInt8]($0) })
      return Outcome()
    case .form(let form):
      session.isReadInParts = form.isStream
      return begin(form, .asTold, head, fields, bytes, &state, attempts: attempts)
    }
  }

  private mutating func begin(
    _ form: AnswerForm, _ type: HeadForm.BodyType, _ head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan,
    _ state: inout RequestState, attempts: Int
  ) -> Outcome {
    self.form = form
    switch form {
    case .chunkStream, .eventStream:
      let grant = state.attempt.grant
      stream = StreamAnswer(isChunks: form == .chunkStream, &state.image, state.newCounter(), grant)
    case .document(let kind): document = DocumentAnswer(kind, isRead: true)
    case .opaque(let keeps): document = DocumentAnswer(nil, isRead: keeps)
    case .none, .error, .undecided: break
    }
    // With a stream open already, only a stream can go on in it.
    if writer.isHeadSent {
      guard form.isStream else {
        return failed(.noAnswer("a document in place of a stream", words: nil, upstream: state.attempt.upstream.name))
      }
    } else {
      var framing = AnswerWriter.Framing.chunked
      var length: Int?
      if !form.isStream {
        switch head.framing {
        case .none: framing = .none
        case .length(let count): (framing, length) = (.length, count)
        default: break
        }
      }
      writer.writeHead(
        head, fields, bytes, HeadForm(framing: framing, length: length, type: type), &state, attempts: attempts)
    }
    return Outcome(next: .began(isStream: form.isStream))
  }

  // MARK: The body

  /// A piece of the body.
  mutating func take(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool, _ client: ClientSide,
    _ state: inout RequestState
  ) -> Outcome {
    switch form {
    case .none, .undecided: return Outcome()
    case .chunkStream, .eventStream:
      guard let stream else { return Outcome() }
      let release: AnswerPipeline.Release
      do throws(SSEError) {
        release = try stream.take(buffer, payload, isLast: isLast, state.attempt.grant)
      } catch { return failed(.eventTooLarge(upstream: state.attempt.upstream.name)) }
      return follow(stream, release, of: buffer, isLast: isLast, client, &state)
    case .document, .opaque: return pass(buffer, payload, isLast: isLast, &state)
    case .error:
      let isEnough = error?.take(UnsafeRawBufferPointer(rebasing: buffer[payload])) ?? true
      guard isLast || isEnough, let error else { return Outcome() }
      return failed(error.fault(namesModel: state.image.namesModel, state.attempt.upstream))
    }
  }

  /// The first bytes of a body whose head did not say what it is: nil while they are blank.
  ///
  /// - Returns: how the answer has begun, and whether `buffer` and what was blank before it are still to be taken.
  mutating func decide(
    _ piece: UnsafeRawBufferPointer, isLast: Bool, _ state: inout RequestState, attempts: Int
  ) -> Outcome? {
    guard let waiting = waitingHead else { return Outcome() }
    blank.append(contentsOf: piece)
    let form: AnswerForm
    let upstream = state.attempt.upstream.name
    switch AnswerOpening(blank.span.bytes) {
    case .undecided where !isLast: return blank.count < AnswerPipeline.holdsBytesUsual ? nil : noAnswer(upstream)
    case .undecided: return noAnswer(upstream)
    case .events: form = state.image.surface.isChunkStream ? .chunkStream : .eventStream
    case .json: form = state.image.surface.answerKind.map { .document($0) } ?? .document(.any)
    case .other: return noAnswer(upstream)
    }
    waitingHead = nil
    return begin(
      form, form.isStream ? .eventStream : .asTold, waiting.head, waiting.fields, waiting.bytes.span.bytes, &state,
      attempts: attempts)
  }

  private mutating func noAnswer(_ upstream: String) -> Outcome {
    let isBlank = blank.allSatisfy { $0 <= 0x20 }
    return failed(
      .noAnswer(isBlank ? "nothing" : "a body that is neither events nor JSON", words: nil, upstream: upstream))
  }

  /// What came before it was known what it is.
  mutating func takeFirst(isLast: Bool, _ client: ClientSide, _ state: inout RequestState) -> Outcome {
    var first = blank
    blank = []
    return first.withUnsafeMutableBytes { take($0, 0..<$0.count, isLast: isLast, client, &state) }
  }

  private mutating func failed(_ fault: Fault) -> Outcome {
    self.fault = fault
    return Outcome(next: .failed)
  }

  // MARK: Events

  /// The limits have given more: what came meanwhile goes out.
  mutating func goOn(isLast: Bool, _ client: ClientSide, _ state: inout RequestState) -> Outcome {
    guard let stream else { return Outcome() }
    let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    let release: AnswerPipeline.Release
    do throws(SSEError) {
      release = try stream.goOn(isLast: isLast, state.attempt.grant)
    } catch { return failed(.eventTooLarge(upstream: state.attempt.upstream.name)) }
    return follow(stream, release, of: none, isLast: isLast, client, &state)
  }

  private mutating func follow(
    _ stream: StreamAnswer, _ release: AnswerPipeline.Release, of buffer: UnsafeMutableRawBufferPointer, isLast: Bool,
    _ client: ClientSide, _ state: inout RequestState
  ) -> Outcome {
    let standing = stream.standing(isLast: isLast)
    if !client.hasAnything, let fault = early(stream, standing, client, &state) { return failed(fault) }
    var outcome = Outcome(isContent: standing.progressed)
    forward(stream, release, of: buffer, standing, client, &state, &outcome)
    outcome.next = next(stream, standing, &state)
    return outcome
  }

  /// The client has nothing yet, whatever stands in this read: the answer can still be another one.
  private func early(
    _ stream: StreamAnswer, _ standing: StreamAnswer.Standing, _ client: ClientSide, _ state: inout RequestState
  ) -> Fault? {
    // With content before it the error is passed on where nobody else can answer.
    if standing.hasError {
      return client.mayGetAnother || !standing.hasProgress ? errorEvent(stream, &state) : nil
    }
    guard standing.isEnd && !standing.isComplete else { return nil }
    return .incomplete(upstream: state.attempt.upstream.name)
  }

  @inline(__always)
  private mutating func forward(
    _ stream: StreamAnswer, _ release: AnswerPipeline.Release, of buffer: UnsafeMutableRawBufferPointer,
    _ standing: StreamAnswer.Standing, _ client: ClientSide, _ state: inout RequestState, _ outcome: inout Outcome
  ) {
    switch release {
    case .asksForMore: return
    case .inBuffer(let range):
      guard !range.isEmpty || standing.end != .open else { return }
      if standing.hasError { Redaction.blank(state.attempt.upstream.secrets, in: buffer, range) }
      outcome.isTaken = writer.forward(buffer, range, standing.end)
    case .inLarge(let range):
      var large = stream.pipeline.takeLarge()
      large.withUnsafeMutableBytes {
        if standing.hasError { Redaction.blank(state.attempt.upstream.secrets, in: $0, range) }
        outcome.isTaken = writer.forward($0, range, standing.end)
      }
    }
    if standing.progressed || !client.hasAnything { outcome.delivered = max(.beginnings, standing.delivered) }
  }

  @inline(__always)
  private mutating func next(
    _ stream: StreamAnswer, _ standing: StreamAnswer.Standing, _ state: inout RequestState
  ) -> Outcome.Next {
    guard standing.isEnd else {
      return standing.isDry ? .atLimit(isWhole: standing.isOver, hasMore: standing.isStopped) : .open
    }
    let name = state.attempt.upstream.name
    guard standing.isComplete else { return failed(.incomplete(upstream: name)).next }
    if stream.pipeline.errorIsBare { return failed(errorEvent(stream, &state)).next }
    return .complete
  }

  /// The upstream has told of a failure inside the stream.
  private func errorEvent(_ stream: StreamAnswer, _ state: inout RequestState) -> Fault {
    let upstream = state.attempt.upstream
    let document = stream.pipeline.errorDocument
    let words = document.isEmpty ? nil : ErrorBody(document.span.bytes).message
    return .errorEvent(words: Redaction.cleaned(words, without: upstream.secrets), upstream: upstream.name)
  }

  // MARK: Documents

  private mutating func pass(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool, _ state: inout RequestState
  ) -> Outcome {
    let end = isLast ? AnswerWriter.End.whole(addsDone: false) : .open
    let piece = UnsafeRawBufferPointer(rebasing: buffer[payload])
    let taken = document?.take(piece, isLast: isLast, newCounter: { state.newCounter() }) {
      if let usage = $1 { state.note(usage) } else { state.read($0, isWhole: true) }
    }
    guard let step = taken else { return Outcome() }
    var outcome = Outcome(next: isLast ? .complete : .open)
    switch step {
    case .waits(let isBlank): return Outcome(isBlank: isBlank)
    case .isNone(let what, let words):
      let upstream = state.attempt.upstream
      let clean = Redaction.cleaned(words, without: upstream.secrets)
      return failed(.noAnswer(what, words: clean, upstream: upstream.name))
    case .passes:
      guard !payload.isEmpty || isLast else { return outcome }
      outcome.isTaken = writer.forward(buffer, payload, end)
    case .releases: outcome.isTaken = forwardKept(end)
    case .breaksOff:
      outcome.isTaken = writer.forward(buffer, payload, .open)
      outcome.next = failed(.incomplete(upstream: state.attempt.upstream.name)).next
    }
    if isLast, let long = document?.long { state.read(long) }
    outcome.isContent = true
    outcome.delivered = .text
    return outcome
  }

  private mutating func forwardKept(_ end: AnswerWriter.End) -> Bool {
    var kept = document?.takeKept() ?? []
    return kept.withUnsafeMutableBytes { writer.forward($0, 0..<$0.count, end) }
  }

  // MARK: Endings

  /// Whether the client has all of the answer that there is to have.
  var isComplete: Bool { writer.isCommitted && (stream?.isComplete ?? false) }

  /// Whether the upstream itself told of a failure inside the answer.
  var hasError: Bool { stream?.pipeline.findings.hasError ?? false }

  /// Whether the client asked for usage, and the upstream broke off before it.
  var lacksUsage: Bool { stream?.pipeline.lacksUsage ?? false }

  /// Ends an answer that is complete but for its last words.
  mutating func end(_ state: inout RequestState) {
    guard !writer.isEnded else { return }
    writer.end(with: stream?.closing(state.record.tokens, in: Dialect(state.image.surface)) ?? [])
  }

  /// Tells a fault: as an answer of its own, as the stream's last event, or, where neither is possible, by breaking off visibly.
  mutating func tell(_ fault: Fault, _ state: inout RequestState, attempts: Int) {
    let dialect = Dialect(state.image.surface)
    if !writer.isHeadSent {
      if fault.isPassedOn, let error {
        let secrets = state.attempt.upstream.secrets
        return writer.sendDocument(
          error.document(fault.error, in: dialect, without: secrets), isHead: state.image.method == .head)
      }
      return writer.send(state.refusal(fault.error), &state, attempts: attempts)
    }
    state.record.errorCode = "\(fault.error.code)"
    let place = StreamPlace(stream?.pipeline, &state.image, atLimit: false)
    guard form.isStream || !writer.isCommitted, let event = dialect.event(of: fault.error, in: place) else { return }
    writer.end(with: event)
  }

  /// Ends an answer at a limit as one ends whose length was bounded; false where there are no such words.
  mutating func truncate(_ refusal: LimitRefusal, _ state: inout RequestState) -> Bool {
    let place = StreamPlace(stream?.pipeline, &state.image, atLimit: true)
    guard let events = Dialect(state.image.surface).truncation(refusal, state.record.tokens, in: place) else {
      return false
    }
    writer.end(with: events)
    return true
  }

  /// What has been counted and told of the answer goes into the record; what is not told to the limits yet is.
  mutating func settle(_ state: inout RequestState) {
    if let stream {
      AnswerTokens.note(stream.pipeline.meter, stream.pipeline.findings, isPassed: !stream.isChunks, &state.record)
      if let grant = state.attempt.grant { stream.account(grant) }
    } else if let long = document?.long {
      state.read(long)
    } else if let document, document.isRead, !document.isWhole, !document.kept.isEmpty {
      // Cut before its end: nothing of the answer says what it cost.
      document.kept.withUnsafeBytes { state.read($0, isWhole: false) }
    }
  }
}
