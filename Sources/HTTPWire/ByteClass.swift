/// What kind of character a byte is, in the terms of RFC 9110 section 5.6.2 and RFC 5234.
enum ByteClass {
  static let tab = UInt8(ascii: "\t")
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let colon = UInt8(ascii: ":")
  static let comma = UInt8(ascii: ",")

  /// `tchar`: letters, digits and ``!#$%&'*+-.^_`|~``. Two constant bit maps: no table to load, no branch to miss.
  @inline(__always) static func isToken(_ byte: UInt8) -> Bool {
    let low: UInt64 = 0x03FF_6CFA_0000_0000
    let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
    let map = byte & 0x40 == 0 ? low : high
    return byte < 0x80 && (map &>> UInt64(byte & 0x3F)) & 1 == 1
  }

  @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  @inline(__always) static func isWhitespace(_ byte: UInt8) -> Bool { byte == space || byte == tab }

  /// The value of a hexadecimal digit, or nil.
  @inline(__always) static func hexValue(_ byte: UInt8) -> UInt8? {
    if isDigit(byte) { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter &+ 10 : nil
  }

  /// Whether the byte may stand in a field value: visible, space, tab, or above ASCII (RFC 9110 section 5.5).
  @inline(__always) static func isText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == tab }

  /// The offset of the first byte in `start..<end` that is not text, or `end`.
  ///
  /// Eight bytes a step: it validates the value and finds its CR in one pass. Field values are short, so a call of
  /// `memchr` for the CR and a second pass for the controls would cost more than this loop.
  @inline(__always) static func endOfText(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    var at = start
    while end &- at >= 8 {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      let belowSpace = (word &- ones &* 0x20) & ~word
      let toDelete = word ^ (ones &* 0x7F)
      let delete = (toDelete &- ones) & ~toDelete
      let found = (belowSpace | delete) & tops
      if found == 0 {
        at &+= 8
        continue
      }
      // Borrows can only mark bytes above a true one, so the lowest mark is exact.
      at &+= found.trailingZeroBitCount &>> 3
      if bytes[at] != tab { return at }
      at &+= 1
    }
    while at < end, isText(bytes[at]) { at &+= 1 }
    return at
  }

  /// The offset of the first byte in `start..<end` that is not a token character, or `end`.
  ///
  /// Eight bytes a step as long as they are letters and hyphens, as names nearly always are: three times as fast as
  /// byte by byte, and names were half of a head's cost.
  @inline(__always) static func endOfToken(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    var at = start
    while end &- at >= 8 {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      let folded = word | ones &* 0x20
      // Sums of seven-bit bytes stay in their byte. A byte above ASCII may disturb those behind it, but is itself
      // marked, and the lowest mark counts.
      let letter = (folded &+ ones &* 0x1F) & ~(folded &+ ones &* 0x05)
      let toHyphen = word ^ (ones &* 0x2D)
      let notHyphen = ((toHyphen & ~tops) &+ ~tops) | toHyphen
      let found = ~((letter | ~notHyphen) & ~word) & tops
      if found == 0 {
        at &+= 8
        continue
      }
      at &+= found.trailingZeroBitCount &>> 3
      if !isToken(bytes[at]) { return at }
      at &+= 1
    }
    while at < end, isToken(bytes[at]) { at &+= 1 }
    return at
  }

  /// `range` without the spaces and tabs at either end.
  @inline(__always) static func trimmed(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, isWhitespace(bytes[start]) { start &+= 1 }
    while end > start, isWhitespace(bytes[end &- 1]) { end &-= 1 }
    return start..<end
  }

  /// Whether `count` bytes at `bytes` spell `lowercase`, letters of either case. Only for bytes that are known to be
  /// tokens: setting bit 5 would also turn CR into `-`.
  @inline(__always) static func isSpelled(_ bytes: UnsafeRawPointer, _ count: Int, _ lowercase: StaticString) -> Bool {
    guard count == lowercase.utf8CodeUnitCount else { return false }
    let spelling = UnsafeRawPointer(lowercase.utf8Start)
    @inline(__always) func same<Word: FixedWidthInteger>(_ offset: Int, _ fold: Word) -> Bool {
      bytes.loadUnaligned(fromByteOffset: offset, as: Word.self) | fold
        == spelling.loadUnaligned(fromByteOffset: offset, as: Word.self)
    }
    let fold: UInt64 = 0x2020_2020_2020_2020
    if count >= 8 {
      var at = 0
      while at &+ 8 <= count {
        if !same(at, fold) { return false }
        at &+= 8
      }
      return same(count &- 8, fold)
    }
    if count >= 4 {
      return same(0, UInt32(truncatingIfNeeded: fold)) && same(count &- 4, UInt32(truncatingIfNeeded: fold))
    }
    for at in 0..<count where !same(at, UInt8(0x20)) { return false }
    return true
  }
}
