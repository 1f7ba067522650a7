/// Strings and values byte by byte, or rather word by word: the bytes were validated, so only quotes, backslashes and brackets count.
///
/// What only reads is static: a method that reads `self` inside one that changes it made the compiler copy the whole scanner, once a string.
extension PromptScanner {
  /// Two escapes that are a pair of surrogates.
  private static let escapeBytesMax = 12
  /// Strings that are looked through a word at a time; longer ones go on in two.
  private static let shortBytesMax = 32
  /// More than any of the protocol's words, escaped.
  private static let wordBytesMax = 256

  @inline(__always)
  static func load(_ base: UnsafeRawPointer, _ at: Int) -> UInt8 { base.load(fromByteOffset: at, as: UInt8.self) }

  @inline(__always)
  mutating func skipWhitespace(_ base: UnsafeRawPointer) {
    while position < end, Self.load(base, position) <= 0x20 { position &+= 1 }
  }

  /// How far the contents of a string reach.
  struct Stretch {
    /// The closing quote, or where the stretch was cut: between two units, at the stop or up to eleven bytes behind it.
    var end: Int
    var isEnd: Bool
    /// False when there is no escape for certain.
    var hasEscapes: Bool
  }

  /// The contents of a string from `start`, a place between two units, on.
  ///
  /// Loops over machine words rather than calling `memchr`, for most strings are short. It stops at quotes only and then looks at what
  /// stands before: text has more backslashes than quotes, and each stop is a branch that cannot be foreseen.
  @inline(__always)
  static func stretch(_ base: UnsafeRawPointer, _ start: Int, _ stop: Int, end: Int) -> Stretch {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var at = start
    var backslashes: UInt64 = 0
    // The subtractions may borrow, so a mark above the lowest one of a word means nothing; the lowest one is exact. Bytes beyond ASCII
    // are not marked.
    while at &+ 8 <= stop, at &- start < shortBytesMax {
      let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      backslashes |= ((word ^ (ones &* 0x5C)) &- ones) & ~word
      let quotes = ((word ^ (ones &* 0x22)) &- ones) & ~word & (ones &* 0x80)
      guard quotes != 0 else {
        at &+= 8
        continue
      }
      at &+= quotes.trailingZeroBitCount >> 3
      if !isEscaped(base, at, start) {
        return Stretch(end: at, isEnd: true, hasEscapes: backslashes & (ones &* 0x80) != 0)
      }
      at &+= 1
    }
    while at &+ 16 <= stop {
      let first = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      let second = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at &+ 8, as: UInt64.self))
      backslashes |= ((first ^ (ones &* 0x5C)) &- ones) & ~first | ((second ^ (ones &* 0x5C)) &- ones) & ~second
      let quotes = ((first ^ (ones &* 0x22)) &- ones) & ~first & (ones &* 0x80)
      let later = ((second ^ (ones &* 0x22)) &- ones) & ~second & (ones &* 0x80)
      guard quotes | later != 0 else {
        at &+= 16
        continue
      }
      at &+= quotes != 0 ? quotes.trailingZeroBitCount >> 3 : 8 &+ later.trailingZeroBitCount >> 3
      if !isEscaped(base, at, start) {
        return Stretch(end: at, isEnd: true, hasEscapes: backslashes & (ones &* 0x80) != 0)
      }
      at &+= 1
    }
    backslashes &= ones &* 0x80
    while at < stop {
      let byte = Self.load(base, at)
      if byte == UInt8(ascii: "\\") { backslashes = 1 }
      if byte == UInt8(ascii: "\""), !isEscaped(base, at, start) {
        return Stretch(end: at, isEnd: true, hasEscapes: backslashes != 0)
      }
      at &+= 1
    }
    guard stop < end else { return Stretch(end: end, isEnd: false, hasEscapes: backslashes != 0) }
    let cut = unitBoundary(base, start, stop, end: end)
    let isEnd = cut < end && Self.load(base, cut) == UInt8(ascii: "\"")
    return Stretch(end: cut, isEnd: isEnd, hasEscapes: backslashes != 0 || cut > stop)
  }

  /// Whether an odd number of backslashes stands before `at`.
  @inline(__always)
  private static func isEscaped(_ base: UnsafeRawPointer, _ at: Int, _ start: Int) -> Bool {
    at > start && Self.load(base, at &- 1) == UInt8(ascii: "\\") && hasOddRun(base, at, start)
  }

  @inline(never)
  private static func hasOddRun(_ base: UnsafeRawPointer, _ at: Int, _ start: Int) -> Bool {
    var first = at &- 1
    while first > start, Self.load(base, first &- 1) == UInt8(ascii: "\\") { first &-= 1 }
    return (at &- first) & 1 == 1
  }

  /// `stop`, or the end of the escape in which it lies.
  @inline(never)
  private static func unitBoundary(_ base: UnsafeRawPointer, _ start: Int, _ stop: Int, end: Int) -> Int {
    var last = stop &- 1
    while last >= start, last > stop &- escapeBytesMax {
      if Self.load(base, last) == UInt8(ascii: "\\") {
        let escape = isEscaped(base, last, start) ? last &- 1 : last
        return min(end, max(stop, escape &+ escapeLength(base, escape, end: end)))
      }
      last &-= 1
    }
    return stop
  }

  /// Bytes of the escape at `at`, two escapes where they are a pair of surrogates.
  @inline(__always)
  static func escapeLength(_ base: UnsafeRawPointer, _ at: Int, end: Int) -> Int {
    guard at &+ 1 < end, Self.load(base, at &+ 1) == UInt8(ascii: "u") else { return 2 }
    guard at &+ 7 < end, let unit = hexUnit(base, at &+ 2, end), unit & 0xFC00 == 0xD800,
      Self.load(base, at &+ 6) == UInt8(ascii: "\\"), Self.load(base, at &+ 7) == UInt8(ascii: "u")
    else { return 6 }
    return 12
  }

  /// Moves past a number or a literal.
  @inline(__always)
  mutating func skipScalar(_ base: UnsafeRawPointer) {
    let start = position
    while position < end {
      let byte = Self.load(base, position)
      if byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { break }
      position &+= 1
    }
    guard position > start else { return abandon() }
    mode = .after
  }

  /// Reads the string at the position, a word of the protocol's; nil for one that is longer than any, which is left behind as well.
  mutating func readWord(_ base: UnsafeRawPointer) -> JSONKey? {
    let start = position &+ 1
    let stretch = Self.stretch(base, start, min(end, start &+ Self.wordBytesMax), end: end)
    guard stretch.isEnd else {
      beginSkip()
      return nil
    }
    position = stretch.end &+ 1
    mode = .after
    return stretch.hasEscapes
      ? JSONKey(unescaping: base, start: start, end: stretch.end)
      : JSONKey(base, start: start, count: stretch.end &- start, end: end)
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
    let stretch = Self.stretch(base, start, min(limit, end), end: end)
    let at = stretch.end
    if stretch.isEnd { return endText(base, start..<at, stretch.hasEscapes) }
    guard at < end else {
      abandon()
      var piece = PromptPiece(kind)
      piece.isLast = true
      return piece
    }
    // A full stop may have to be left out, so it must not stand in a part of its own.
    if Self.load(base, at) == UInt8(ascii: "."), at &+ 1 < end, Self.load(base, at &+ 1) == UInt8(ascii: "\"") {
      return endText(base, start..<at &+ 1, stretch.hasEscapes)
    }
    position = at
    var piece = PromptPiece(kind)
    piece.part = JSONStringRange(range: start &- 1..<at &+ 1, hasEscapes: stretch.hasEscapes)
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
      Self.load(base, last &- 1) == UInt8(ascii: ".")
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
    let end = end
    let stop = min(limit, end)
    // In variables of its own, which stay in registers.
    var at = position
    var nesting = nesting
    var isInString = isInString
    var isDone = false
    while at < stop {
      if isInString {
        let stretch = Self.stretch(base, at, stop, end: end)
        at = stretch.end
        guard stretch.isEnd else { break }
        at &+= 1
        isInString = false
        if nesting == 0 {
          isDone = true
          break
        }
        // Mostly the next string begins behind a colon or a comma.
        if at &+ 1 < stop, Self.load(base, at &+ 1) == UInt8(ascii: "\"") {
          let separator = Self.load(base, at)
          if separator == UInt8(ascii: ":") || separator == UInt8(ascii: ",") {
            at &+= 2
            isInString = true
            continue
          }
        }
      }
      // Between strings: mostly a comma or a colon, and perhaps a space.
      while at < stop {
        let byte = Self.load(base, at)
        at &+= 1
        if byte == UInt8(ascii: "\"") {
          isInString = true
          break
        }
        // Brackets of both kinds differ from each other in this bit only.
        let bracket = byte & ~0x20
        if bracket == 0x5B {
          nesting &+= 1
        } else if bracket == 0x5D {
          nesting &-= 1
          if nesting <= 0 {
            isDone = true
            break
          }
        }
      }
      if isDone { break }
    }
    position = at
    self.nesting = nesting
    self.isInString = isInString
    if !isDone, at >= end { abandon() }
    return isDone
  }
}
