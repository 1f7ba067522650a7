/// Reads a JSON answer of any size while it passes, piece by piece, and keeps nothing of it: an answer with pictures or
/// vectors may have hundreds of megabytes.
///
/// It finds what the scanners of whole documents find: the usage, the texts, how many choices are finished. The memory
/// it takes is bounded: one bit for each open container, a key, and one usage object at a time.
///
/// Brackets, commas, colons and literals must be where they belong, or the document is never complete. What numbers and
/// strings are made of is not checked, so that strings nobody asked for cost one search for their end.
public struct PassingDocument: Sendable {
  /// A larger usage object is not read. The providers' have some hundred bytes.
  public static let usageBytesMax = 16 << 10

  /// How many elements `choices` has so far.
  public internal(set) var choicesCount = 0
  /// Whether there is a top-level list `content`: Anthropic's answer.
  public internal(set) var hasContent = false
  /// Whether there is a top-level list `output`: an answer of OpenAI's responses.
  public internal(set) var hasOutput = false
  /// Whether there is a top-level list `data`: embeddings, pictures.
  public internal(set) var hasData = false
  /// How many elements `data` has so far, which for pictures is their number.
  public internal(set) var dataCount = 0
  /// Whether there is a top-level `error` that says something: a text or an object, not empty.
  public internal(set) var hasError = false
  /// How many choices or candidates have a reason why they ended.
  public internal(set) var finishedCount = 0
  /// The token counts that the answer tells so far.
  public internal(set) var usage: TokenUsage?

  /// Whether the document has closed, and nothing but white space has followed.
  public var isComplete: Bool { state == .done }
  /// Whether it is no JSON object or list: nothing more is read then.
  public var isBroken: Bool { state == .broken }
  /// Whether there is a `choices` list that is not empty.
  public var hasChoices: Bool { choicesCount > 0 }

  /// What may stand next, or what the piece before broke off in.
  enum State: UInt8 {
    case start, value, valueOrEnd, keyOrEnd, key, colon, separator, done, broken
    case inKey, inString, inText, inSniffed, inNumber, inLiteral
  }

  var state = State.start
  let depthMax: Int
  var open = ContainerStack()
  /// What the open containers are, as far as anything is read in them.
  var roles = InlineArray<16, Role>(repeating: .ignored)
  /// What the value that comes next is.
  var slot = Slot.top

  /// Whether the next byte of a string is escaped by a backslash that came before.
  var isEscaped = false
  /// Whether the string that is passed over is a key.
  var isKey = false
  /// A key, or a short text, that one piece does not hold whole.
  var collected = InlineArray<192, UInt8>(repeating: 0)
  var collectedCount = 0
  /// What is left of a literal, from its first letter on, and how many of its letters have come.
  var literal: StaticString = "null"
  var literalCount = 0

  /// A letter or an escape whose end has not come.
  var unit = InlineArray<8, UInt8>(repeating: 0)
  var unitCount = 0
  var channel = TextChannel.content
  var choice = 0
  var part = 0
  var candidatesCount = 0
  var callsCount = 0
  var isThought = false
  var reasoning = Reasoning.none

  /// The depth of the container that is handed on as it is, or kept as usage; 0 for none.
  var rawDepth = 0
  var captureDepth = 0
  /// Whether something of what is handed on as it is has come: an empty object only announces.
  var isRawBegun = false
  var captured: [UInt8] = []
  var isGeminiUsage = false

  /// Which of a message's reasoning counts: it may stand in several places, and the first that has any is taken.
  enum Reasoning: UInt8 { case none, taken, inList, inTakenList }

  /// A reader at the start of a document.
  public init(limits: JSONLimits = .answer) { depthMax = limits.depthMax }

  /// Reads the next piece, of any size.
  ///
  /// - Parameter body: is given the answer's texts in their order, each in one or more parts. A part never ends inside
  ///   a letter or an escape; `text` tells where it stands in the bytes that come with it. The choice is told by its
  ///   place in the list.
  public mutating func take(_ piece: RawSpan, _ body: (ChunkText, RawSpan) -> Void) {
    piece.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      read(base, buffer.count, body)
    }
  }

  private mutating func read(_ base: UnsafeRawPointer, _ end: Int, _ body: (ChunkText, RawSpan) -> Void) {
    var at = 0
    // Where in this piece that begins which is handed on or kept.
    var rawStart = rawDepth > 0 ? completeUnit(base, 0, end, isRaw: true, body) : 0
    var captureStart = 0
    while at < end {
      switch state {
      case .broken: return
      case .inString: at = passString(base, at, end)
      case .inText: at = passText(base, at, end, body)
      case .inKey, .inSniffed: at = collect(base, at, end)
      case .inNumber: at = passNumber(base, at, end)
      case .inLiteral: at = passLiteral(base, at, end)
      default:
        let byte = base.load(fromByteOffset: at, as: UInt8.self)
        if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
          at &+= 1
          continue
        }
        let before = (raw: rawDepth, capture: captureDepth)
        if state == .keyOrEnd && byte == UInt8(ascii: "\"") && rawDepth == open.count && rawDepth > 0 {
          emitBrace(body)
          rawStart = at
        }
        step(byte)
        at &+= 1
        if captureDepth != before.capture {
          if before.capture > 0 { endCapture(base, captureStart, at) } else { captureStart = at &- 1 }
        }
        if before.raw > 0 && rawDepth == 0 && isRawBegun { handOn(base, rawStart, at, body) }
      }
    }
    if captureDepth > 0 { capture(base, captureStart, end) }
    if rawDepth > 0 && isRawBegun { handOn(base, rawStart, keepUnit(base, rawStart, end, isRaw: true), body) }
  }

  /// A byte that is no white space, outside of strings, numbers and literals.
  private mutating func step(_ byte: UInt8) {
    switch (state, byte) {
    case (.start, _): start(byte)
    case (.valueOrEnd, UInt8(ascii: "]")): close()
    case (.value, _), (.valueOrEnd, _): begin(byte)
    case (.keyOrEnd, UInt8(ascii: "}")): close()
    case (.keyOrEnd, UInt8(ascii: "\"")), (.key, UInt8(ascii: "\"")): beginKey()
    case (.colon, UInt8(ascii: ":")): state = .value
    case (.separator, UInt8(ascii: ",")):
      if open.isInObject {
        state = .key
      } else {
        slot = role.element
        state = .value
      }
    case (.separator, UInt8(ascii: "}")) where open.isInObject: close()
    case (.separator, UInt8(ascii: "]")) where !open.isInObject: close()
    default: state = .broken
    }
  }

  /// The first byte: a bracket, or one of the three of a byte order mark.
  private mutating func start(_ byte: UInt8) {
    switch (unitCount, byte) {
    case (0, 0xEF), (1, 0xBB), (2, 0xBF): unitCount &+= 1
    case (0, UInt8(ascii: "{")), (0, UInt8(ascii: "[")), (3, UInt8(ascii: "{")), (3, UInt8(ascii: "[")):
      unitCount = 0
      begin(byte)
    default: state = .broken
    }
  }

  private mutating func begin(_ byte: UInt8) {
    count(slot)
    switch byte {
    case UInt8(ascii: "{"): push(isObject: true, enter(object: slot))
    case UInt8(ascii: "["): push(isObject: false, enter(list: slot))
    case UInt8(ascii: "\""): beginString()
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): state = .inNumber
    case UInt8(ascii: "t"):
      if slot == .thoughtMark { isThought = true }
      begin(literal: "true")
    case UInt8(ascii: "f"): begin(literal: "false")
    case UInt8(ascii: "n"): begin(literal: "null")
    default: state = .broken
    }
  }

  /// Counts the elements whose number, or whose place, says something.
  private mutating func count(_ slot: Slot) {
    switch slot {
    case .choice:
      choice = choicesCount
      choicesCount &+= 1
    case .candidate:
      choice = candidatesCount
      candidatesCount &+= 1
    case .call:
      part = callsCount
      callsCount &+= 1
    case .dataElement: dataCount &+= 1
    case .top: choice = 0
    default: break
    }
  }

  private mutating func begin(literal word: StaticString) {
    literal = word
    literalCount = 1
    state = .inLiteral
  }

  private mutating func push(isObject: Bool, _ role: Role) {
    guard open.count < depthMax else {
      state = .broken
      return
    }
    if open.count < 16 { roles[open.count] = role }
    open.push(isObject: isObject)
    if role == .raw {
      rawDepth = open.count
      isRawBegun = false
    }
    if role == .usage { captureDepth = open.count }
    if !isObject { slot = role.element }
    state = isObject ? .keyOrEnd : .valueOrEnd
  }

  private mutating func close() {
    switch role {
    case .details where reasoning != .taken: reasoning = reasoning == .inTakenList ? .taken : .none
    case .calls: part = 0
    case .choices, .candidates: choice = 0
    default: break
    }
    if open.count == rawDepth { rawDepth = 0 }
    if open.count == captureDepth { captureDepth = 0 }
    open.pop()
    endValue()
  }

  mutating func endValue() { state = open.count == 0 ? .done : .separator }

  /// What the innermost container is.
  var role: Role { open.count > 0 && open.count <= 16 ? roles[open.count &- 1] : .ignored }

  // MARK: Usage

  private mutating func capture(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) {
    // One byte more than is read tells that it is too large.
    let count = min(end &- start, Self.usageBytesMax &+ 1 &- captured.count)
    guard count > 0 else { return }
    captured.append(contentsOf: UnsafeRawBufferPointer(start: base + start, count: count))
  }

  private mutating func endCapture(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) {
    capture(base, start, end)
    defer { captured = [] }
    guard captured.count <= Self.usageBytesMax else { return }
    let isGemini = isGeminiUsage
    let found = captured.withUnsafeBytes { buffer -> TokenUsage? in
      guard let base = buffer.baseAddress else { return nil }
      var cursor = JSONCursor(base, count: buffer.count, limits: .answer)
      do throws(JSONScanError) {
        return isGemini ? try cursor.readGeminiUsage() : try cursor.readUsage()
      } catch {
        return nil
      }
    }
    guard let found else { return }
    if usage == nil { usage = found } else { usage?.merge(found) }
  }
}
