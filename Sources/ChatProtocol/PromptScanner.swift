/// Finds what costs tokens in a request's prompt, piece by piece, in place and in as many steps as wanted.
///
/// The body was validated by `RequestScanner`, so this reads it the quick way: it looks for quotes, backslashes and brackets, and checks
/// nothing else. It is a value with a stack of a byte or two per open container. Every call of `next` passes a bounded number of bytes,
/// however long a string is, goes on where the last one stopped, and allocates nothing. What is not of the protocol's shape (a number
/// where a text belongs, an unknown member, containers deeper than `depthMax`) is passed over; what contradicts the ranges ends the
/// member it stands in. Nothing traps.
///
/// Images, sounds and files are told as marks: their data are never text.
public struct PromptScanner: Sendable {
  /// How deep containers of the prompt may stand in one another before they are passed over.
  static let depthMax = 32
  /// Bytes that a call passes when nothing else is asked for.
  public static let bytesUsual = 16_384
  static let sourcesMax = 4

  enum Mode: UInt8 {
    /// The next member is to be begun.
    case source
    /// At a value.
    case value
    /// Behind an opening bracket.
    case first
    /// At a key, or at an element.
    case item
    /// Behind a value.
    case after
    /// Inside a string that is told.
    case text
    /// Inside a JSON document that is told.
    case document
    /// Inside a value that is passed over.
    case skip
  }

  struct Source {
    var slot = PromptSlot.ignored
    var range = 0..<0
  }

  struct Frame {
    var place = PromptPlace.message
    var marks = PartMarks()
  }

  var mode = Mode.source
  var position = 0
  var end = 0
  /// What the value at the position is for.
  var slot = PromptSlot.ignored
  /// The text or document that is being told.
  var kind = PromptPiece.Kind.pause
  /// Whether that text is a key, with its value to follow.
  var isKey = false

  var frames = InlineArray<32, Frame>(repeating: Frame())
  var depth = 0

  /// Open brackets of a value that is passed over or told as a document.
  var nesting = 0
  var isInString = false

  /// A document's data that were passed before it was known that they are text: where they begin, and in which frame.
  var heldStart = 0
  var heldDepth = 0
  /// Where to go on after telling them; 0 when none are told.
  var returnPosition = 0

  let tools: PromptToolForm
  private var sources = InlineArray<4, Source>(repeating: Source())
  private var sourcesCount = 0
  private var nextSource = 0
  private var laterBytes = 0

  /// A scanner at the start of a prompt.
  ///
  /// - Parameters:
  ///   - fields: what `RequestScanner` found in the body.
  ///   - hasSchema: whether the schema asked of the answer belongs to the prompt.
  public init(_ fields: RequestFields, _ shape: PromptShape, tools: PromptToolForm, hasSchema: Bool = false) {
    self.tools = tools
    switch shape {
    case .chat:
      add(.messages, fields.messages)
      add(.tools, fields.tools)
      add(.tools, fields.functions)
      if hasSchema { add(.format, fields.responseFormat) }
    case .completion: add(.prompt, fields.prompt)
    case .embedding: add(.prompt, fields.input)
    case .messages:
      add(.system, fields.system)
      add(.messages, fields.messages)
      add(.tools, fields.tools)
    case .responses:
      add(.system, fields.instructions)
      add(.input, fields.input)
      add(.tools, fields.tools)
    }
  }

  private mutating func add(_ slot: PromptSlot, _ range: Range<Int>?) {
    guard let range, range.lowerBound >= 0, sourcesCount < Self.sourcesMax else { return }
    sources[sourcesCount] = Source(slot: slot, range: range)
    sourcesCount &+= 1
    laterBytes &+= range.count
  }

  /// Bytes of the prompt that were not told yet: an upper bound of what pieces are still to come.
  public var remainingBytes: Int {
    guard mode != .source else { return laterBytes }
    return laterBytes &+ max(0, end &- (heldStart > 0 ? min(heldStart, position) : position))
  }

  /// The next piece; nil at the end of the prompt.
  ///
  /// - Parameters:
  ///   - body: the bytes that were scanned, unmoved since the first call.
  ///   - bytesMax: how far one call goes, and so the longest part of a text (some bytes more where an escape stands there).
  public mutating func next(in body: RawSpan, bytesMax: Int = PromptScanner.bytesUsual) -> PromptPiece? {
    body.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return nil }
      return next(base, buffer.count, bytesMax: max(1, bytesMax))
    }
  }

  /// Hands every piece of the prompt to `visit`.
  public static func forEachPiece(
    of fields: RequestFields, _ shape: PromptShape, tools: PromptToolForm, hasSchema: Bool = false, in body: RawSpan,
    _ visit: (PromptPiece) -> Void
  ) {
    var scanner = PromptScanner(fields, shape, tools: tools, hasSchema: hasSchema)
    body.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      while let piece = scanner.next(base, buffer.count, bytesMax: bytesUsual) {
        if piece.kind != .pause { visit(piece) }
      }
    }
  }

  @inline(__always)
  private mutating func next(_ base: UnsafeRawPointer, _ count: Int, bytesMax: Int) -> PromptPiece? {
    var limit = position &+ min(bytesMax, 1 << 40)
    while true {
      switch mode {
      case .source:
        guard beginSource(count) else { return nil }
        limit = position &+ min(bytesMax, 1 << 40)
      case .value: if let piece = beginValue(base, limit) { return piece }
      case .first: if let piece = enter(base) { return piece }
      case .item: beginItem(base)
      case .after: if let piece = goOn(base) { return piece }
      case .text: return readText(base, limit)
      case .document: return readDocument(base, limit)
      case .skip: if pass(base, limit) { mode = .after }
      }
      if position >= limit, mode != .source { return PromptPiece(.pause) }
    }
  }

  private mutating func beginSource(_ count: Int) -> Bool {
    guard nextSource < sourcesCount else { return false }
    let source = sources[nextSource]
    nextSource &+= 1
    laterBytes &-= source.range.count
    position = min(source.range.lowerBound, count)
    end = min(source.range.upperBound, count)
    slot = source.slot
    depth = 0
    mode = .value
    return true
  }

  /// The bytes are not what was scanned: nothing more is told of this member.
  @inline(never)
  mutating func abandon() {
    position = end
    depth = 0
    heldStart = 0
    returnPosition = 0
    nesting = 0
    isInString = false
    isKey = false
    mode = .source
  }

  // MARK: Containers

  /// Behind an opening bracket: closes an empty container, or marks one that has something in it.
  private mutating func enter(_ base: UnsafeRawPointer) -> PromptPiece? {
    skipWhitespace(base)
    guard position < end, depth > 0 else {
      abandon()
      return nil
    }
    let byte = Self.load(base, position)
    if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") { return close() }
    mode = .item
    return frames[depth &- 1].place.mark.map { PromptPiece($0) }
  }

  /// Behind a value: a comma, or the end of the container.
  @inline(__always)
  private mutating func goOn(_ base: UnsafeRawPointer) -> PromptPiece? {
    guard depth > 0 else {
      mode = .source
      return nil
    }
    skipWhitespace(base)
    guard position < end else {
      abandon()
      return nil
    }
    let byte = Self.load(base, position)
    if byte == UInt8(ascii: ",") {
      position &+= 1
      mode = .item
      return nil
    }
    guard byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") else {
      abandon()
      return nil
    }
    return close()
  }

  /// Reads the key, or names the element, whose value then follows.
  @inline(__always)
  private mutating func beginItem(_ base: UnsafeRawPointer) {
    let place = frames[depth &- 1].place
    guard place.isObject else {
      slot = place.elementSlot
      mode = .value
      return
    }
    skipWhitespace(base)
    guard position < end, Self.load(base, position) == UInt8(ascii: "\"") else { return abandon() }
    position &+= 1
    if place == .properties {
      isKey = true
      return beginText(.property)
    }
    let start = position
    let stretch = Self.stretch(base, start, end, end: end)
    guard stretch.isEnd else { return abandon() }
    let key =
      stretch.hasEscapes
      ? JSONKey(unescaping: base, start: start, end: stretch.end)
      : JSONKey(base, start: start, count: stretch.end &- start, end: end)
    position = stretch.end &+ 1
    slot = place.slot(of: key)
    expectColon(base)
  }

  @inline(__always)
  mutating func expectColon(_ base: UnsafeRawPointer) {
    skipWhitespace(base)
    guard position < end, Self.load(base, position) == UInt8(ascii: ":") else { return abandon() }
    position &+= 1
    mode = .value
  }

  /// Opens the container at the position; what is too deep is passed over.
  @inline(__always)
  mutating func push(_ place: PromptPlace, isReasoning: Bool = false) {
    guard depth < Self.depthMax else { return beginSkip() }
    var marks = PartMarks()
    if isReasoning { marks.insert(.reasoning) }
    frames[depth] = Frame(place: place, marks: marks)
    depth &+= 1
    position &+= 1
    mode = .first
  }

  /// Closes the innermost container at its bracket.
  private mutating func close() -> PromptPiece? {
    position &+= 1
    depth &-= 1
    mode = .after
    let frame = frames[depth]
    switch frame.place {
    case .part: return frame.marks.pieceOfPart
    case .message: return frame.marks.pieceOfItem
    case .source:
      guard frame.marks.contains(.plain) else {
        if heldDepth == depth { heldStart = 0 }
        return nil
      }
      if depth > 0 { frames[depth &- 1].marks.insert(.plain) }
      if heldStart > 0, heldDepth == depth {
        returnPosition = position
        position = heldStart
        heldStart = 0
        beginText(.text)
      }
      return nil
    default: return nil
    }
  }
}
