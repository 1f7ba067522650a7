/// Strings: most of every document, so eight bytes at a time.
extension JSONCursor {
  /// Moves from the opening quote past the closing one. True when the string holds an escape.
  ///
  /// Loops over machine words rather than calling `memchr`: one pass must see quotes, backslashes, control characters
  /// and non-ASCII bytes at once.
  @inline(__always)
  mutating func skipString() throws(JSONScanError) -> Bool {
    var at = position &+ 1
    // Most strings are short and plain: they end within the first words.
    while at &+ 8 <= end {
      let marks = specialMarks(base, at)
      if marks == 0 {
        at &+= 8
        if at &- position > longRunBytes { at = skipLongRun(base, at, end) }
        continue
      }
      at &+= marks.trailingZeroBitCount >> 3
      if base.load(fromByteOffset: at, as: UInt8.self) == UInt8(ascii: "\"") {
        position = at &+ 1
        return false
      }
      break
    }
    return try skipStringRest(at)
  }

  /// The general case, from a place inside the string.
  @inline(never)
  private mutating func skipStringRest(_ start: Int) throws(JSONScanError) -> Bool {
    var at = start
    var hasEscapes = false
    while at < end {
      let byte = base.load(fromByteOffset: at, as: UInt8.self)
      if byte == UInt8(ascii: "\"") {
        position = at &+ 1
        return hasEscapes
      }
      if byte >= 0x80 {
        at = try skipScalars(at)
      } else if byte == UInt8(ascii: "\\") {
        at = try skipEscape(at)
        hasEscapes = true
      } else {
        guard byte >= 0x20 else { throw JSONScanError(offset: at, reason: .controlCharacter) }
        at &+= 1
      }
      at = nextSpecial(at)
    }
    throw JSONScanError(offset: end, reason: .truncated)
  }

  /// The next byte that is not plain ASCII text, or a place less than eight bytes from the end.
  @inline(__always)
  private func nextSpecial(_ start: Int) -> Int {
    var at = start
    while at &+ 8 <= end {
      let marks = specialMarks(base, at)
      if marks != 0 { return at &+ marks.trailingZeroBitCount >> 3 }
      at &+= 8
      if at &- start > longRunBytes { at = skipLongRun(base, at, end) }
    }
    return at
  }

  /// Moves past the escape at `at` (and a second one that completes a surrogate pair).
  @inline(__always)
  private func skipEscape(_ at: Int) throws(JSONScanError) -> Int {
    guard at &+ 1 < end else { throw JSONScanError(offset: end, reason: .truncated) }
    switch base.load(fromByteOffset: at &+ 1, as: UInt8.self) {
    case UInt8(ascii: "n"), UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "t"), UInt8(ascii: "/"),
      UInt8(ascii: "r"), UInt8(ascii: "b"), UInt8(ascii: "f"):
      return at &+ 2
    case UInt8(ascii: "u"): return try skipUnicodeEscape(at)
    default: throw JSONScanError(offset: at, reason: .badEscape)
    }
  }

  private func skipUnicodeEscape(_ at: Int) throws(JSONScanError) -> Int {
    guard let unit = hexUnit(base, at &+ 2, end) else { throw badUnicodeEscape(at) }
    guard unit & 0xF800 == 0xD800 else { return at &+ 6 }
    let next = at &+ 6
    // Each half is then an escape of its own.
    if allowsLoneSurrogates { return next }
    guard unit < 0xDC00 else { throw JSONScanError(offset: at, reason: .loneSurrogate) }
    guard next &+ 1 < end, base.load(fromByteOffset: next, as: UInt8.self) == UInt8(ascii: "\\"),
      base.load(fromByteOffset: next &+ 1, as: UInt8.self) == UInt8(ascii: "u")
    else { throw JSONScanError(offset: at, reason: .loneSurrogate) }
    guard let low = hexUnit(base, next &+ 2, end) else { throw badUnicodeEscape(next) }
    guard low & 0xFC00 == 0xDC00 else { throw JSONScanError(offset: at, reason: .loneSurrogate) }
    return next &+ 6
  }

  private func badUnicodeEscape(_ at: Int) -> JSONScanError {
    JSONScanError(offset: at, reason: .badEscape)
  }

  /// Moves past the scalars beyond ASCII at `start`, by the table of well-formed sequences (RFC 3629 section 4).
  @inline(__always)
  private func skipScalars(_ start: Int) throws(JSONScanError) -> Int {
    var at = start
    while at < end {
      let lead = base.load(fromByteOffset: at, as: UInt8.self)
      if lead < 0x80 { return at }
      if lead & 0xF0 == 0xE0 {
        guard at &+ 2 < end else { throw invalidUTF8(at) }
        let second = base.load(fromByteOffset: at &+ 1, as: UInt8.self)
        let third = base.load(fromByteOffset: at &+ 2, as: UInt8.self)
        // E0 would be overlong below A0, ED a surrogate from A0 on.
        let isOutOfRange = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second >= 0xA0)
        guard second & 0xC0 == 0x80, third & 0xC0 == 0x80, !isOutOfRange else { throw invalidUTF8(at) }
        at &+= 3
      } else if lead < 0xE0 {
        guard lead >= 0xC2, at &+ 1 < end, base.load(fromByteOffset: at &+ 1, as: UInt8.self) & 0xC0 == 0x80 else {
          throw invalidUTF8(at)
        }
        at &+= 2
      } else {
        guard lead <= 0xF4, at &+ 3 < end else { throw invalidUTF8(at) }
        let second = base.load(fromByteOffset: at &+ 1, as: UInt8.self)
        // F0 would be overlong below 90, F4 beyond U+10FFFF from 90 on.
        let isOutOfRange = (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second >= 0x90)
        guard second & 0xC0 == 0x80, base.load(fromByteOffset: at &+ 2, as: UInt8.self) & 0xC0 == 0x80,
          base.load(fromByteOffset: at &+ 3, as: UInt8.self) & 0xC0 == 0x80, !isOutOfRange
        else { throw invalidUTF8(at) }
        at &+= 4
      }
    }
    return at
  }

  @inline(never)
  private func invalidUTF8(_ at: Int) -> JSONScanError { JSONScanError(offset: at, reason: .invalidUTF8) }
}

/// Plain text that is longer than this is gone over in longer steps: prompts of many kilobytes are most of what a gateway reads.
private let longRunBytes = 64

/// Moves over blocks of 32 bytes without anything special; in front of the first that has something, or less than a block from the end.
@inline(never)
private func skipLongRun(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Int {
  var at = start
  while at &+ 32 <= end {
    let marks =
      specialMarks(base, at) | specialMarks(base, at &+ 8) | specialMarks(base, at &+ 16)
      | specialMarks(base, at &+ 24)
    guard marks == 0 else { return at }
    at &+= 32
  }
  return at
}

/// Marks the high bit of the bytes at `at` that are a quote, a backslash, below 0x20 or above 0x7F.
///
/// The subtractions may borrow, so a mark above the lowest one means nothing; the lowest one is exact.
@inline(__always)
private func specialMarks(_ base: UnsafeRawPointer, _ at: Int) -> UInt64 {
  let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
  let ones: UInt64 = 0x0101_0101_0101_0101
  let quotes = (word ^ (ones &* 0x22)) &- ones
  let backslashes = (word ^ (ones &* 0x5C)) &- ones
  let controls = word &- (ones &* 0x20)
  return (quotes | backslashes | controls | word) & (ones &* 0x80)
}
