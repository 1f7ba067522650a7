internal import CLinux
internal import ChatProtocol
internal import Quotas
internal import Reactor
internal import ServerSentEvents
internal import TokenAccounting

/// Follows an event stream through the buffers it arrives in: finds the events, reads what the gateway acts on, takes out what
/// the client did not ask for, and says which bytes may go on.
///
/// Only whole events are let through, so that the stream can be ended with words at any time. The unfinished tail of a read is
/// kept and put in front of the next, in the room that the reactor leaves there; an event larger than that
/// room grows in storage of its own, up to the parser's bound.
struct StreamRelay {
  /// Where released bytes lie.
  enum Release: Equatable {
    /// In the buffer that was handed in.
    case inBuffer(Range<Int>)
    /// In `large`, with `largeMargin` bytes free in front and `Reactor.tailRoom` behind.
    case inLarge(Range<Int>)
  }

  /// Tails up to this size are put in front of the next read; what remains of the head room is for the response head and framing.
  static let tailRoomMax = 8_192
  /// Free bytes in front of `large`'s events.
  static let largeMargin = 8_192

  /// The largest event that is followed, in bytes.
  private var parser: SSEParser
  private var tail: [UInt8] = []
  /// An event that outgrew the head room, behind `largeMargin` bytes.
  private var large: [UInt8] = []

  private var endedWithCarriageReturn = false
  private var lastWasForClient = true

  /// Which events are expected.
  enum Dialect {
    /// OpenAI's chunks. Told what they mean, the gateway may hold back, take out and end.
    case chunks(choices: Int, keepsUsage: Bool)
    /// Those of an endpoint that is passed through: read for what they cost, and forwarded as they are.
    case other
  }

  private let dialect: Dialect

  /// What has been read so far.
  struct Findings {
    /// Content, reasoning, a tool call or a refusal has been seen: what is forwarded from here on cannot be replayed.
    fileprivate(set) var hasProgress = false
    /// Something other than beginnings (role, comments) has been seen: what was held back may go.
    fileprivate(set) var hasSubstance = false
    /// The upstream reported an error inside the stream.
    fileprivate(set) var hasError = false
    /// Whether the last `take` saw progress.
    fileprivate(set) var progressed = false
    /// `[DONE]` has been released.
    fileprivate(set) var isDone = false
    /// One bit for each choice that has its `finish_reason`.
    fileprivate var finishedChoices: UInt128 = 0
    /// An answer has begun whose end will be told.
    fileprivate(set) var awaitsEnd = false

    /// How many choices are whole.
    var finishedCount: Int { finishedChoices.nonzeroBitCount }

    /// Whether a choice has its `finish_reason`.
    func isFinished(choice: Int) -> Bool {
      (0..<128).contains(choice) && finishedChoices & (1 &<< UInt128(choice)) != 0
    }

    /// Whether the answer to a request for `count` choices is whole: as many have their `finish_reason`, or at least one and `[DONE]`, for
    /// many upstreams know only one choice. `[DONE]` alone is no success.
    func isWhole(choices count: Int) -> Bool {
      isDone || finishedChoices.nonzeroBitCount >= min(max(count, 1), 128)
    }
  }

  private(set) var findings = Findings()
  /// What the upstream has told of its usage so far.
  private(set) var usage: TokenUsage?
  /// Whether it was told with the end of the answer or behind it.
  private(set) var isUsageFinal = false
  private(set) var eventCount = 0
  /// What a chunk of the gateway's own must look like, from the end of an answer whose client asked for usage.
  private(set) var identity: AnswerIdentity?
  /// Counts what passes; nil when the model is not counted.
  private(set) var counter: AnswerCounter?
  /// What limits allow; spent as it is counted.
  private var spending: StreamSpending?
  /// A limit was reached: the last event that is let through has gone, and those that follow wait for ``goOn(isLast:)``.
  var isDry: Bool { spending?.refusal != nil }
  /// Whether bytes wait that came behind the event at which a limit was reached.
  private(set) var isStopped = false
  /// Which text the event at which a limit was reached was a part of.
  private(set) var partAtLimit = 0
  /// Whether the upstream has told that this part is over: what follows it begins another.
  private(set) var isPartEnded = false

  /// What the chunks that end a stream at a limit must look like.
  private(set) var identityAtLimit: AnswerIdentity?

  /// Whether the upstream broke off behind the answer and before the usage that the client asked for. One that sends `[DONE]` has said what it wanted
  /// to say.
  var lacksUsage: Bool { identity != nil && usage == nil && !findings.isDone && !findings.hasError }

  init(_ dialect: Dialect, counter: AnswerCounter?, grant: LimitGrant? = nil, eventBytesMax: Int) {
    self.dialect = dialect
    self.counter = counter
    spending = grant.map { StreamSpending(grant: $0) }
    parser = SSEParser(eventBytesMax: eventBytesMax)
  }

  /// Takes the bytes at `payload` and releases the whole events among them and the tail kept before.
  ///
  /// - Parameter isLast: nothing follows. What is unfinished then is no event and stays here.
  mutating func take(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool
  ) throws(SSEError) -> Release {
    findings.progressed = false
    guard !isStopped else {
      // One read may hold several pieces of the body, and comes to its end.
      tail.append(contentsOf: buffer[payload])
      return .inBuffer(payload.lowerBound..<payload.lowerBound)
    }
    guard large.isEmpty else { return try growLarge(buffer, payload, isLast) }
    guard tail.count <= Self.tailRoomMax, tail.count <= payload.lowerBound else {
      large.reserveCapacity(Self.largeMargin + tail.count + payload.count)
      large.append(contentsOf: repeatElement(0, count: Self.largeMargin))
      large.append(contentsOf: tail)
      tail = []
      return try growLarge(buffer, payload, isLast)
    }
    let start = payload.lowerBound - tail.count
    if !tail.isEmpty {
      tail.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[start...]).copyMemory(from: $0) }
      tail.removeAll(keepingCapacity: true)
    }
    let (released, rest) = try scan(buffer, start..<payload.upperBound, isLast)
    if rest < payload.upperBound { tail.append(contentsOf: buffer[rest..<payload.upperBound]) }
    return .inBuffer(released)
  }

  /// A limit lets the stream go on: takes what has waited meanwhile.
  ///
  /// - Parameter isLast: nothing follows it.
  mutating func goOn(isLast: Bool) throws(SSEError) -> Release {
    findings.progressed = false
    spending?.refusal = nil
    isStopped = false
    guard !tail.isEmpty || isLast else { return .inLarge(0..<0) }
    var waiting = [UInt8](repeating: 0, count: Self.largeMargin)
    waiting += tail
    tail = []
    large = waiting
    return try growLarge(UnsafeMutableRawBufferPointer(start: nil, count: 0), 0..<0, isLast)
  }

  /// Hands over the storage of bytes released in `large`.
  mutating func takeLarge() -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &large)
    return taken
  }

  private mutating func growLarge(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, _ isLast: Bool
  ) throws(SSEError) -> Release {
    var grown: [UInt8] = []
    swap(&grown, &large)
    grown.append(contentsOf: buffer[payload])
    let count = grown.count
    let scanned: Result<(released: Range<Int>, rest: Int), SSEError> = grown.withUnsafeMutableBytes { bytes in
      do throws(SSEError) {
        return .success(try scan(bytes, Self.largeMargin..<count, isLast))
      } catch { return .failure(error) }
    }
    let (released, rest) = try scanned.get()
    if released.isEmpty && rest == Self.largeMargin && !isLast {
      large = grown
      return .inBuffer(payload.lowerBound..<payload.lowerBound)
    }
    tail = Array(grown[rest...])
    grown.append(contentsOf: repeatElement(0, count: Reactor.tailRoom))
    large = grown
    return .inLarge(released)
  }

  /// Reads the whole events of `range`; gives back the bytes to forward (moved together where something was taken out) and where the tail begins.
  private mutating func scan(
    _ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>, _ isLast: Bool
  ) throws(SSEError) -> (released: Range<Int>, rest: Int) {
    var position = range.lowerBound
    var end = range.lowerBound
    while true {
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<range.upperBound]).bytes
      if isDry, try !mayStillPass(bytes, at: position) { break }
      guard case .event(let event) = try parser.next(in: bytes, at: position) else { break }
      position = event.bytes.upperBound
      let kept = keep(event, buffer, isForClient: read(event, bytes))
      if end != kept.lowerBound, !kept.isEmpty, let base = buffer.baseAddress {
        memmove(base + end, base + kept.lowerBound, kept.count)
      }
      end += kept.count
    }
    // The parser keeps a LF that completes a CR for the next event; there is none any more.
    if isStopped { return (range.lowerBound..<end, position) }
    if isLast, endedWithCarriageReturn, lastWasForClient, position + 1 == range.upperBound,
      buffer[position] == UInt8(ascii: "\n")
    {
      buffer[end] = UInt8(ascii: "\n")
      end += 1
      position += 1
    }
    // What no blank line ends is no event. Where events are passed on as they are it is not ours to judge.
    if isLast, case .other = dialect { return (range, range.upperBound) }
    return (range.lowerBound..<end, position)
  }

  /// At a limit: whether the event at `position` brings nothing that is counted, the end of the answer for instance. If not, it waits here.
  private mutating func mayStillPass(_ bytes: RawSpan, at position: Int) throws(SSEError) -> Bool {
    var ahead = parser
    guard case .event(let event) = try ahead.next(in: bytes, at: position) else { return true }
    guard event.isDispatched else { return true }
    if let data = event.data {
      let data = bytes.extracting(data)
      switch dialect {
      case _ where ChunkScanner.isDone(data): return true
      case .chunks: if ChunkScanner.scan(data).texts.count == 0 { return true }
      case .other:
        if EventScanner.scan(data).texts.count == 0, !Self.holds(data, #"_start""#), !Self.holds(data, #".added""#) {
          if Self.holds(data, #""content_block_stop""#) { isPartEnded = true }
          return true
        }
      }
    }
    isStopped = true
    return false
  }

  /// Whether a word stands in an event that is looked at once in a stream.
  private static func holds(_ data: RawSpan, _ word: StaticString) -> Bool {
    data.withUnsafeBytes { memmem($0.baseAddress, $0.count, word.utf8Start, word.utf8CodeUnitCount) != nil }
  }

  /// Which bytes of an event go on. A LF in front that only completes the CR of the event before goes where that event went.
  @inline(__always)
  private mutating func keep(
    _ event: SSEEvent, _ buffer: UnsafeMutableRawBufferPointer, isForClient: Bool
  ) -> Range<Int> {
    let range = event.bytes
    let lead = endedWithCarriageReturn && buffer[range.lowerBound] == UInt8(ascii: "\n") ? 1 : 0
    let leadIsKept = lastWasForClient
    endedWithCarriageReturn = buffer[range.upperBound - 1] == UInt8(ascii: "\r")
    lastWasForClient = isForClient
    if isForClient { return (leadIsKept ? range.lowerBound : range.lowerBound + lead)..<range.upperBound }
    return range.lowerBound..<(leadIsKept ? range.lowerBound + lead : range.lowerBound)
  }

  /// Notes what an event says; false when it is not for the client.
  private mutating func read(_ event: SSEEvent, _ bytes: RawSpan) -> Bool {
    guard event.isDispatched else { return true }
    eventCount += 1
    guard let data = event.data else {
      // Several data lines are one text to a client; no provider sends them, and none of them is JSON by itself.
      var joined: [UInt8] = []
      event.joinData(in: bytes, into: &joined)
      return read(joined.span.bytes)
    }
    return read(bytes.extracting(data))
  }

  private mutating func read(_ data: RawSpan) -> Bool {
    switch dialect {
    case .chunks(let choices, let keepsUsage): return readChunk(data, choices: choices, keepsUsage: keepsUsage)
    case .other:
      readOther(data)
      return true
    }
  }

  @inline(__always)
  private mutating func readChunk(_ data: RawSpan, choices: Int, keepsUsage: Bool) -> Bool {
    if ChunkScanner.isDone(data) {
      // Behind an answer that never finished it is kept back: told that it is done, a client would take what it has for the whole answer.
      guard findings.finishedChoices != 0 || findings.hasError else { return false }
      findings.isDone = true
      findings.hasSubstance = true
      return true
    }
    let fields = ChunkScanner.scan(data)
    if fields.isMalformed {
      findings.hasSubstance = true
      return true
    }
    counter?.take(fields, in: data)
    note(fields)
    spend(fields, data)
    if keepsUsage, identity == nil, fields.finishedCount > 0, counter != nil {
      identity = AnswerIdentity(fields, in: data)
    }
    if let usage = fields.usage { take(usage, isFinal: fields.choicesIsEmpty || findings.finishedCount >= choices) }
    let carriesOnlyUsage = fields.choicesIsEmpty && fields.usage != nil && !fields.hasError
    return keepsUsage || !carriesOnlyUsage
  }

  private mutating func readOther(_ data: RawSpan) {
    // Which of its events are answer is not known of every such endpoint: each shows that the upstream is alive.
    findings.hasSubstance = true
    findings.progressed = true
    guard !ChunkScanner.isDone(data) else {
      findings.isDone = true
      return
    }
    let fields = EventScanner.scan(data)
    guard !fields.isMalformed else { return }
    counter?.take(fields, in: data)
    note(fields)
    spend(fields, data)
    if fields.beginsAnswer {
      findings.awaitsEnd = true
      if spending != nil { identity = AnswerIdentity(fields, in: data) }
    }
    if let usage = fields.usage { take(usage, isFinal: true) }
  }

  @inline(__always)
  private mutating func note(_ fields: ChunkFields) {
    if fields.hasError {
      findings.hasError = true
      findings.hasSubstance = true
    }
    if fields.hasProgress {
      findings.hasProgress = true
      findings.progressed = true
      findings.hasSubstance = true
    }
    if fields.finishedCount > 0 {
      findings.finishedChoices |= fields.finishedChoices
      findings.hasSubstance = true
    }
  }

  /// What the event brought is spent before it is forwarded.
  @inline(__always)
  private mutating func spend(_ fields: ChunkFields, _ data: RawSpan) {
    guard let isNearLimit = spending?.isNearLimit, fields.texts.count > 0 else { return }
    // The counter is asked in place: a copy of it would count references at each event.
    let seen = isNearLimit ? counter?.provisional() : counter?.certain
    spending?.spend(upTo: seen ?? 0, isReasoning: fields.hasReasoning && !fields.hasContent)
    guard isDry else { return }
    partAtLimit = fields.texts.lastPart
    isPartEnded = false
    if case .chunks = dialect { identityAtLimit = AnswerIdentity(fields, in: data) }
  }

  /// Usage may come with any event: each report takes the place of those before, as far as it is larger. It covers the whole answer when every
  /// choice is finished by then, or when it stands on a chunk of its own behind one that is.
  private mutating func take(_ usage: TokenUsage, isFinal: Bool) {
    if self.usage == nil { self.usage = usage } else { self.usage?.merge(usage) }
    if isFinal && findings.finishedChoices != 0 { isUsageFinal = true }
  }
}
