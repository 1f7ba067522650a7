internal import ChatProtocol
internal import CLinux
public import ServerSentEvents
public import TokenAccounting

/// The stages that an answer's events go through, in place, in the buffer they arrived in: framer → reader → meter → budget → gate.
///
/// Only whole events are let through, so that the stream can be ended with words at any time; beginnings wait for what they begin, so that a failure until
/// then leaves no trace; nothing is released that was not counted. Nothing is allocated for an event.
public struct AnswerPipeline: Sendable {
  /// What a read came to.
  public enum Release: Equatable, Sendable {
    /// These bytes of the buffer that was handed in may go.
    case inBuffer(Range<Int>)
    /// These bytes of ``takeLarge()``, with `largeMargin` bytes free in front and the tail room behind.
    case inLarge(Range<Int>)
    /// The budget is used up: fill it or let it run dry, then ``proceed(_:)``.
    case asksForMore
  }

  /// Which events are expected.
  public enum Events: Equatable, Sendable {
    /// OpenAI's chunks. Told what they mean, the gateway may take out and end.
    case chunks(choices: Int, keepsUsage: Bool)
    /// Those of an endpoint that is passed through: read for what they are and cost, and forwarded as they are.
    case other
    /// The same, of endpoints whose events all tell their type.
    case typed
  }

  /// Free bytes in front of `large`'s events.
  public static let largeMargin = 8_192
  /// No more beginnings are held back of a chunk stream.
  public static let holdsBytesUsual = 16 << 10
  /// What waits up to this size goes in front of the next read.
  public static let waitingRoomMax = EventFramer.waitingRoomMax

  private let events: Events
  /// Bytes that must be free behind what is released.
  private let tailRoom: Int
  /// No more beginnings are held back than this.
  private let holdsBytesMax: Int
  private var framer: EventFramer
  private var frame = Frame()
  /// Whether anything has been released.
  private var hasReleased = false
  /// The data of the event that used up the budget, until the limits have answered.
  private var dataAtLimit: Range<Int>?

  /// What has been counted, and what the upstream told of it.
  public private(set) var meter: AnswerMeter
  /// What the limits still allow.
  public var budget: AnswerBudget
  /// What the events have said so far.
  public private(set) var findings = AnswerFindings()
  /// What a chunk of the gateway's own must look like, from the end of an answer whose client asked for usage.
  public private(set) var identity: AnswerIdentity?

  /// Whether bytes wait that came behind the event at which a limit was reached.
  public private(set) var isStopped = false
  /// Which text the event at which a limit was reached was a part of.
  public private(set) var partAtLimit = 0
  /// Whether the upstream has told that this part is over: what follows it begins another.
  public private(set) var isPartEnded = false
  /// What the chunks that end a stream at a limit must look like.
  public private(set) var identityAtLimit: AnswerIdentity?
  /// What the upstream said of its failure; bounded.
  public private(set) var errorDocument: [UInt8] = []
  /// It stood behind the last event as bare JSON, so that no event tells it.
  public private(set) var errorIsBare = false

  /// Where the scan of a read has come to.
  private struct Frame: Sendable {
    var start = 0
    /// Behind what was kept for the client.
    var end = 0
    var position = 0
    var upper = 0
    var isLast = false
    /// Where an empty release lies.
    var resting = 0
  }

  /// A pipeline at the start of an answer.
  ///
  /// - Parameters:
  ///   - counter: counts its texts; nil when the model is not counted.
  ///   - eventBytesMax: the largest event that is followed.
  ///   - holdsBytesMax: no more beginnings are held back.
  ///   - tailRoom: bytes that must be free behind what is released.
  public init(
    _ events: Events, counter: AnswerCounter?, budget: AnswerBudget = .unlimited, eventBytesMax: Int,
    holdsBytesMax: Int = holdsBytesUsual, tailRoom: Int
  ) {
    self.events = events
    self.tailRoom = tailRoom
    self.holdsBytesMax = holdsBytesMax
    self.budget = budget
    meter = AnswerMeter(counter)
    framer = EventFramer(eventBytesMax: eventBytesMax)
  }

  /// Whether the upstream broke off behind the answer and before the usage that the client asked for. One that sends `[DONE]` has said what it wanted
  /// to say.
  public var lacksUsage: Bool {
    guard case .chunks = events else { return false }
    return identity != nil && meter.usage == nil && !findings.isDone && !findings.hasError
  }

  /// A limit was reached: the last event that is let through has gone, and those that follow wait for ``goOn(isLast:)``.
  public var isDry: Bool { budget.isDry }

  // MARK: Reads

  /// Takes the bytes at `payload` and releases the whole events among them and what waited before.
  ///
  /// - Parameter isLast: nothing follows. What is unfinished then and is no event stays here.
  public mutating func take(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool
  ) throws(SSEError) -> Release {
    findings.progressed = false
    guard !isStopped else {
      // One read may hold several pieces of the body, and comes to its end.
      framer.waiting.append(contentsOf: buffer[payload])
      return .inBuffer(payload.lowerBound..<payload.lowerBound)
    }
    let count = framer.waiting.count
    guard framer.large.isEmpty, count <= EventFramer.waitingRoomMax, count <= payload.lowerBound else {
      return try grow(by: UnsafeRawBufferPointer(rebasing: buffer[payload]), payload.lowerBound, isLast)
    }
    let start = payload.lowerBound - count
    if count > 0 {
      framer.waiting.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[start...]).copyMemory(from: $0) }
      framer.waiting.removeAll(keepingCapacity: true)
    }
    begin(at: start, upTo: payload.upperBound, resting: payload.lowerBound, isLast)
    return try passBuffer(buffer)
  }

  /// After ``Release/asksForMore``: goes on behind the event that used up the budget.
  public mutating func proceed(_ buffer: UnsafeMutableRawBufferPointer) throws(SSEError) -> Release {
    framer.large.isEmpty ? try passBuffer(buffer) : try passLarge()
  }

  /// A limit lets the stream go on, and the budget has been filled: takes what has waited meanwhile.
  ///
  /// - Parameter isLast: nothing follows it.
  public mutating func goOn(isLast: Bool) throws(SSEError) -> Release {
    findings.progressed = false
    isStopped = false
    guard !framer.waiting.isEmpty || isLast else { return .inBuffer(0..<0) }
    return try grow(by: UnsafeRawBufferPointer(start: nil, count: 0), 0, isLast)
  }

  /// Hands over the storage of bytes released in `large`.
  public mutating func takeLarge() -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &framer.large)
    return taken
  }

  @inline(__always)
  private mutating func begin(at start: Int, upTo upper: Int, resting: Int, _ isLast: Bool) {
    let held = start &+ framer.heldCount
    framer.heldCount = 0
    frame = Frame(start: start, end: held, position: held, upper: upper, isLast: isLast, resting: resting)
  }

  /// Whether what has been kept so far are beginnings, which wait.
  @inline(__always)
  private var holds: Bool {
    !findings.hasSubstance && !frame.isLast && !hasReleased && frame.upper &- frame.start < holdsBytesMax
  }

  private mutating func passBuffer(_ buffer: UnsafeMutableRawBufferPointer) throws(SSEError) -> Release {
    guard try scan(buffer) else { return .asksForMore }
    let frame = frame
    let isHeld = holds
    if isHeld {
      framer.waiting.append(contentsOf: buffer[frame.start..<frame.end])
      framer.heldCount = frame.end &- frame.start
    }
    if frame.position < frame.upper { framer.waiting.append(contentsOf: buffer[frame.position..<frame.upper]) }
    guard !isHeld, frame.end > frame.start else { return .inBuffer(frame.resting..<frame.resting) }
    hasReleased = true
    return .inBuffer(frame.start..<frame.end)
  }

  // MARK: In storage of its own

  private mutating func grow(
    by more: UnsafeRawBufferPointer, _ resting: Int, _ isLast: Bool
  ) throws(SSEError) -> Release {
    if framer.large.isEmpty {
      framer.large.reserveCapacity(Self.largeMargin + framer.waiting.count + more.count)
      framer.large.append(contentsOf: repeatElement(0, count: Self.largeMargin))
      framer.large.append(contentsOf: framer.waiting)
      framer.waiting = []
    }
    framer.large.append(contentsOf: more)
    // For what ends the last event, should it have no blank line.
    if isLast { framer.large.append(contentsOf: repeatElement(0, count: Self.blankLine.count)) }
    let upper = framer.large.count - (isLast ? Self.blankLine.count : 0)
    begin(at: Self.largeMargin, upTo: upper, resting: resting, isLast)
    return try passLarge()
  }

  private mutating func passLarge() throws(SSEError) -> Release {
    var grown: [UInt8] = []
    swap(&grown, &framer.large)
    let scanned: Result<Bool, SSEError> = grown.withUnsafeMutableBytes { bytes in
      do throws(SSEError) { return .success(try scan(bytes)) } catch { return .failure(error) }
    }
    guard try scanned.get() else {
      framer.large = grown
      return .asksForMore
    }
    let nothing = Release.inBuffer(frame.resting..<frame.resting)
    if holds || (frame.end == frame.start && !frame.isLast && !isStopped) {
      // What was taken out leaves no gap.
      grown.removeSubrange(frame.end..<frame.position)
      framer.heldCount = frame.end &- frame.start
      framer.large = grown
      return nothing
    }
    framer.waiting = Array(grown[frame.position..<frame.upper])
    guard frame.end > frame.start else { return nothing }
    grown.append(contentsOf: repeatElement(0, count: tailRoom))
    framer.large = grown
    hasReleased = true
    return .inLarge(frame.start..<frame.end)
  }

  // MARK: Events

  /// Reads the whole events of the frame, moving together what is kept where something was taken out. False when the budget must be asked first.
  private mutating func scan(_ buffer: UnsafeMutableRawBufferPointer) throws(SSEError) -> Bool {
    var position = frame.position
    var end = frame.end
    let upper = frame.upper
    defer {
      frame.position = position
      frame.end = end
    }
    if let range = dataAtLimit { takeAnswer(of: range, buffer) }
    while true {
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<upper]).bytes
      if budget.isDry, try !mayStillPass(bytes, at: position) { return true }
      guard case .event(let event) = try framer.parser.next(in: bytes, at: position) else { break }
      position = event.bytes.upperBound
      end = keep(event, buffer, at: end, isForClient: read(event, bytes))
      if budget.isLow {
        dataAtLimit = event.data
        return false
      }
    }
    if frame.isLast { end = takeEnd(buffer, &position, end) }
    return !budget.isLow
  }

  /// The limits have answered: if that event was the last one, what ends the stream must look like it.
  private mutating func takeAnswer(of range: Range<Int>, _ buffer: UnsafeMutableRawBufferPointer) {
    dataAtLimit = nil
    guard budget.isDry, case .chunks = events else { return }
    let data = UnsafeRawBufferPointer(rebasing: buffer[range]).bytes
    identityAtLimit = AnswerIdentity(ChunkScanner.scan(data), in: data)
  }

  @inline(__always)
  private mutating func keep(
    _ event: SSEEvent, _ buffer: UnsafeMutableRawBufferPointer, at end: Int, isForClient: Bool
  ) -> Int {
    let kept = framer.keep(event, buffer, isForClient: isForClient)
    if end != kept.lowerBound, !kept.isEmpty, let base = buffer.baseAddress {
      memmove(base + end, base + kept.lowerBound, kept.count)
    }
    return end &+ kept.count
  }

  private static let blankLine = [UInt8](arrayLiteral: 10, 10)

  /// The stream has ended properly: what no blank line ends is an event all the same if it is one, and an error if it is one as bare JSON.
  private mutating func takeEnd(
    _ buffer: UnsafeMutableRawBufferPointer, _ position: inout Int, _ end: Int
  ) -> Int {
    let upper = frame.upper
    if framer.completesLineEnd(buffer, at: position, upTo: upper) {
      buffer[end] = UInt8(ascii: "\n")
      position += 1
      return end + 1
    }
    guard let first = buffer[position..<upper].first(where: { $0 > 0x20 }) else { return end }
    let rest = UnsafeRawBufferPointer(rebasing: buffer[position..<upper])
    if first == UInt8(ascii: "{") {
      if isBareError(rest.bytes) { position = upper }
      return end
    }
    guard upper + Self.blankLine.count <= buffer.count else { return end }
    buffer[upper] = 10
    buffer[upper + 1] = 10
    let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<(upper + 2)]).bytes
    var ahead = framer.parser
    guard case .event(let event) = try? ahead.next(in: bytes, at: position), isWhole(event, bytes) else { return end }
    framer.parser = ahead
    position = upper
    return keep(event, buffer, at: end, isForClient: read(event, bytes))
  }

  private mutating func note(error document: UnsafeRawBufferPointer) {
    if errorDocument.isEmpty { errorDocument = Array(document.prefix(64 << 10)) }
  }

  /// Whether an event that was not ended is not cut off either.
  private func isWhole(_ event: SSEEvent, _ bytes: RawSpan) -> Bool {
    guard event.isDispatched, let data = event.data else { return false }
    let text = bytes.extracting(data)
    return ChunkScanner.isDone(text) || !ChunkScanner.scan(text).isMalformed
  }

  /// At a limit: whether the event at `position` brings nothing that is counted, the end of the answer for instance. If not, it waits here.
  private mutating func mayStillPass(_ bytes: RawSpan, at position: Int) throws(SSEError) -> Bool {
    var ahead = framer.parser
    guard case .event(let event) = try ahead.next(in: bytes, at: position) else { return true }
    guard event.isDispatched else { return true }
    if let data = event.data {
      let data = bytes.extracting(data)
      switch events {
      case _ where ChunkScanner.isDone(data): return true
      case .chunks: if ChunkScanner.scan(data).texts.count == 0 { return true }
      case .other, .typed:
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

  /// Notes what an event says; false when it is not for the client.
  private mutating func read(_ event: SSEEvent, _ bytes: RawSpan) -> Bool {
    guard event.isDispatched else { return !isBareError(bytes.extracting(event.bytes)) }
    meter.began()
    guard let data = event.data else {
      // Several data lines are one text to a client; no provider sends them, and none of them is JSON by itself.
      var joined: [UInt8] = []
      event.joinData(in: bytes, into: &joined)
      return read(joined.span.bytes, of: event, bytes)
    }
    return read(bytes.extracting(data), of: event, bytes)
  }

  /// Whether a block without data is an error as bare JSON, which no client would hear.
  private mutating func isBareError(_ block: RawSpan) -> Bool {
    let isObject = block.withUnsafeBytes { $0.first { $0 > 0x20 } == UInt8(ascii: "{") }
    guard isObject else { return false }
    let fields = ChunkScanner.scan(block)
    guard fields.hasError else { return false }
    block.withUnsafeBytes { note(error: $0) }
    errorIsBare = true
    findings.note(fields)
    return true
  }

  @inline(__always)
  private mutating func read(_ data: RawSpan, of event: SSEEvent, _ bytes: RawSpan) -> Bool {
    switch events {
    case .chunks(let choices, let keepsUsage): return readChunk(data, choices: choices, keepsUsage: keepsUsage)
    case .other, .typed:
      if let name = event.eventName {
        readOther(data, name: bytes.extracting(name))
      } else {
        readOther(data, name: nil)
      }
      guard findings.hasError, events == .typed, event.eventName == nil else { return true }
      // An error without the type that clients look for would be overheard.
      errorIsBare =
        !Self.holds(data, #""type":"error""#) && !Self.holds(data, #""type": "error""#)
        && !Self.holds(data, "response.failed")
      return !errorIsBare
    }
  }

  @inline(__always)
  private mutating func readChunk(_ data: RawSpan, choices: Int, keepsUsage: Bool) -> Bool {
    if ChunkScanner.isDone(data) {
      // Behind an answer that never finished it is kept back: told that it is done, a client would take what it has for the whole answer.
      guard !findings.finishedChoices.isEmpty || findings.hasError else { return false }
      findings.isDone = true
      findings.hasSubstance = true
      return true
    }
    let fields = ChunkScanner.scan(data)
    if fields.isMalformed {
      findings.hasSubstance = true
      return true
    }
    meter.take(fields, in: data)
    findings.note(fields)
    if fields.hasError { data.withUnsafeBytes { note(error: $0) } }
    spend(fields)
    if keepsUsage, identity == nil, fields.finishedCount > 0, meter.counter != nil {
      identity = AnswerIdentity(fields, in: data)
    }
    if let usage = fields.usage {
      let isFinal = !findings.finishedChoices.isEmpty && (fields.choicesIsEmpty || findings.finishedCount >= choices)
      meter.take(usage, isFinal: isFinal)
    }
    let carriesOnlyUsage = fields.choicesIsEmpty && fields.usage != nil && !fields.hasError
    return keepsUsage || !carriesOnlyUsage
  }

  private mutating func readOther(_ data: RawSpan, name: RawSpan?) {
    guard !ChunkScanner.isDone(data) else {
      findings.isDone = true
      findings.hasSubstance = true
      return
    }
    let fields = EventScanner.scan(data, eventName: name)
    guard !fields.isMalformed else {
      findings.hasSubstance = true
      findings.progressed = true
      return
    }
    meter.take(fields, in: data)
    findings.note(fields)
    if fields.hasError { data.withUnsafeBytes { note(error: $0) } }
    spend(fields)
    if fields.beginsAnswer {
      findings.awaitsEnd = true
      identity = AnswerIdentity(fields, in: data)
    }
    if let usage = fields.usage { meter.take(usage, isFinal: !findings.finishedChoices.isEmpty) }
  }

  /// What the event brought is spent before it is forwarded.
  @inline(__always)
  private mutating func spend(_ fields: ChunkFields) {
    guard budget.isLimited, fields.texts.count > 0 else { return }
    budget.spend(
      upTo: meter.seen(toTheLast: budget.isNearLimit), isReasoning: fields.hasReasoning && !fields.hasContent)
    guard budget.isLow else { return }
    // Known for the case that it is the last one.
    partAtLimit = fields.texts.lastPart
    isPartEnded = false
  }
}
