/// Strings and values byte by byte, or rather word by word: the bytes were validated, so only quotes, backslashes and brackets count.
extension PromptScanner {
  @inline(__always)
  func load(_ base: UnsafeRawPointer, _ at: Int) -> UInt8 { base.load(fromByteOffset: at, as: UInt8.self) }

  @inline(__always)
  mutating func skipWhitespace(_ base: UnsafeRawPointer) {
    while position < end, load(base, position) <= 0x20 { position &+= 1 }
  }

  /// The next quote or backslash from `start` on, or `stop`, or a place behind it where `start` is.
  @inline(__always)
  func nextMark(_ base: UnsafeRawPointer, _ start: Int, _ stop: Int) -> Int {
    var at = start
    // Loops over machine words rather than calling `memchr`: one pass sees quotes and backslashes, and most strings are short.
    while at &+ 8 <= stop {
      let marks = stringMarks(base, at)
      if marks != 0 { return at &+ marks.trailingZeroBitCount >> 3 }
      at &+= 8
    }
    while at < stop {
      let byte = load(base, at)
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return at }
      at &+= 1
    }
    return at
  }

  /// Bytes of the escape at `at`, two escapes where they are a pair of surrogates.
  @inline(__always)
  func escapeLength(_ base: UnsafeRawPointer, _ at: Int) -> Int {
    guard at &+ 1 < end, load(base, at &+ 1) == UInt8(ascii: "u") else { return 2 }
    guard at &+ 7 < end, let unit = hexUnit(base, at &+ 2, end), unit & 0xFC00 == 0xD800,
      load(base, at &+ 6) == UInt8(ascii: "\\"), load(base, at &+ 7) == UInt8(ascii: "u")
    else { return 6 }
    return 12
  }

  /// Moves past a number or a literal.
  @inline(__always)
  mutating func skipScalar(_ base: UnsafeRawPointer) {
    let start = position
    while position < end {
      let byte = load(base, position)
      if byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { break }
      position &+= 1
    }
    guard position > start else { return abandon() }
    mode = .after
  }

  /// Reads the string at the position, a word of the protocol's; nil for one that is longer than any, which is left behind as well.
  mutating func readWord(_ base: UnsafeRawPointer) -> JSONKey? {
    let start = position &+ 1
    var at = start
    while true {
      at = nextMark(base, at, min(end, start &+ 256))
      guard at < end, at < start &+ 256 else {
        beginSkip()
        return nil
      }
      if load(base, at) == UInt8(ascii: "\"") { break }
      at = min(end, at &+ escapeLength(base, at))
    }
    position = at &+ 1
    mode = .after
    return JSONKey(unescaping: base, start: start, end: at)
  }

  // MARK: Texts

  /// Begins to tell the string whose contents begin at the position, or one byte behind it.
  @inline(__always)
  mutating func beginText(_ kind: PromptPiece.Kind, behindQuote: Bool = true) {
    self.kind = kind
    if !behindQuote { position &+= 1 }
    mode = .text
  }

  @inline(__always)
  mutating func readText(_ base: UnsafeRawPointer, _ limit: Int) -> PromptPiece {
    let start = position
    let stop = min(limit, end)
    var at = start
    var hasEscapes = false
    while true {
      at = nextMark(base, at, stop)
      guard at < end else {
        abandon()
        var piece = PromptPiece(kind)
        piece.isLast = true
        return piece
      }
      let byte = load(base, at)
      if byte == UInt8(ascii: "\"") { return endText(base, start..<at, hasEscapes) }
      if at >= limit { break }
      hasEscapes = true
      at &+= escapeLength(base, at)
    }
    // A full stop may have to be left out, so it must not stand in a part of its own.
    if load(base, at) == UInt8(ascii: "."), at &+ 1 < end, load(base, at &+ 1) == UInt8(ascii: "\"") {
      return endText(base, start..<at &+ 1, hasEscapes)
    }
    position = at
    var piece = PromptPiece(kind)
    piece.part = JSONStringRange(range: start &- 1..<at &+ 1, hasEscapes: hasEscapes)
    return piece
  }

  /// The text ends; behind it stands its closing quote.
  @inline(__always)
  private mutating func endText(_ base: UnsafeRawPointer, _ contents: Range<Int>, _ hasEscapes: Bool) -> PromptPiece {
    var piece = PromptPiece(kind)
    var last = contents.upperBound
    position = last &+ 1
    mode = .after
    if isKey {
      isKey = false
      slot = .property
      expectColon(base)
    } else if returnPosition > 0 {
      position = returnPosition
      returnPosition = 0
    } else if kind == .signatureDescription || kind == .propertyDescription, last > contents.lowerBound,
      load(base, last &- 1) == UInt8(ascii: ".")
    {
      // A declaration's comment has no full stop.
      last &-= 1
    }
    piece.part = JSONStringRange(
      range: Range(uncheckedBounds: (contents.lowerBound &- 1, last &+ 1)), hasEscapes: hasEscapes)
    piece.isLast = true
    return piece
  }

  // MARK: Values as they stand

  /// Begins to pass over the value at the position.
  @inline(__always)
  mutating func beginSkip() {
    nesting = 0
    isInString = false
    mode = .skip
  }

  mutating func beginDocument(_ kind: PromptPiece.Kind) {
    beginSkip()
    self.kind = kind
    mode = .document
  }

  mutating func readDocument(_ base: UnsafeRawPointer, _ limit: Int) -> PromptPiece {
    let start = position
    let isLast = pass(base, limit)
    // What ends early ends here, so that whoever counts the text can close it.
    let isBroken = mode == .source
    var piece = PromptPiece(kind)
    piece.part = JSONStringRange(range: max(0, start &- 1)..<position &+ 1, hasEscapes: false)
    piece.isLast = isLast || isBroken
    if isLast { mode = .after }
    return piece
  }

  /// Moves over the value as far as the limit. True at its end.
  mutating func pass(_ base: UnsafeRawPointer, _ limit: Int) -> Bool {
    let stop = min(limit, end)
    while position < stop {
      if isInString {
        position = nextMark(base, position, stop)
        guard position < stop else { break }
        if load(base, position) == UInt8(ascii: "\\") {
          position = min(end, position &+ escapeLength(base, position))
          continue
        }
        position &+= 1
        isInString = false
        if nesting == 0 { return true }
        continue
      }
      let byte = load(base, position)
      position &+= 1
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): nesting &+= 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        nesting &-= 1
        if nesting <= 0 { return true }
      default: break
      }
    }
    if position >= end { abandon() }
    return false
  }
}

/// Marks the high bit of the bytes at `at` that are a quote or a backslash.
///
/// The subtractions may borrow, so a mark above the lowest one means nothing; the lowest one is exact.
@inline(__always)
private func stringMarks(_ base: UnsafeRawPointer, _ at: Int) -> UInt64 {
  let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
  let ones: UInt64 = 0x0101_0101_0101_0101
  let quotes = word ^ (ones &* 0x22)
  let backslashes = word ^ (ones &* 0x5C)
  return ((quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes) & (ones &* 0x80)
}
