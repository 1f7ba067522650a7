/// An object's key, unescaped, in four words: comparing with a name is then a few integer compares and no call.
///
/// Names longer than 32 bytes keep their length and lose their end; no name we look for is that long.
struct JSONKey {
  static let bytesMax = 32

  var count = 0
  /// Whether it was written with escapes.
  private(set) var wasEscaped = false
  var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  @inline(__always)
  init(_ base: UnsafeRawPointer, start: Int, count: Int, end: Int) {
    self.count = count
    words.0 = JSONKey.load(base, start, count, end)
    guard count > 8 else { return }
    words.1 = JSONKey.load(base, start &+ 8, count &- 8, end)
    guard count > 16 else { return }
    words.2 = JSONKey.load(base, start &+ 16, count &- 16, end)
    words.3 = JSONKey.load(base, start &+ 24, count &- 24, end)
  }

  /// A key with escapes: its bytes come one by one from `unescapedUnit`.
  init(unescaping base: UnsafeRawPointer, start: Int, end: Int) {
    wasEscaped = true
    var position = start
    while position < end {
      let scalar = unescapedUnit(base, &position, end)
      for shift in 0..<scalar.count {
        append(UInt8(truncatingIfNeeded: scalar.bytes >> UInt32(8 &* shift)))
      }
    }
  }

  private mutating func append(_ byte: UInt8) {
    let bits = UInt64(byte) << UInt64((count & 7) &* 8)
    switch count >> 3 {
    case 0: words.0 |= bits
    case 1: words.1 |= bits
    case 2: words.2 |= bits
    case 3: words.3 |= bits
    default: break
    }
    count &+= 1
  }

  /// Up to eight of the `count` bytes at `start`, the first one lowest, zeros above.
  @inline(__always)
  private static func load(_ base: UnsafeRawPointer, _ start: Int, _ count: Int, _ end: Int) -> UInt64 {
    guard count > 0 else { return 0 }
    if start &+ 8 <= end {
      let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: start, as: UInt64.self))
      return count >= 8 ? word : word & ((1 &<< UInt64(count &* 8)) &- 1)
    }
    var word: UInt64 = 0
    for index in 0..<min(count, 8) {
      word |= UInt64(base.load(fromByteOffset: start &+ index, as: UInt8.self)) &<< UInt64(index &* 8)
    }
    return word
  }

  /// Whether the key is this name, of at most 32 ASCII bytes. The name's words are constants after optimisation.
  @inline(__always)
  func matches(_ name: StaticString) -> Bool {
    let length = name.utf8CodeUnitCount
    guard count == length, words.0 == JSONKey.word(name, 0) else { return false }
    if length <= 8 { return true }
    guard words.1 == JSONKey.word(name, 1) else { return false }
    if length <= 16 { return true }
    return words.2 == JSONKey.word(name, 2) && words.3 == JSONKey.word(name, 3)
  }

  @inline(__always)
  private static func word(_ name: StaticString, _ index: Int) -> UInt64 {
    var word: UInt64 = 0
    var shift: UInt64 = 0
    var position = index &* 8
    let end = min(position &+ 8, name.utf8CodeUnitCount)
    while position < end {
      word |= UInt64(name.utf8Start[position]) &<< shift
      shift &+= 8
      position &+= 1
    }
    return word
  }

  /// Whether the key is this name, of any length up to 32.
  func equals(_ name: String) -> Bool { count == name.utf8.count && bytes.elementsEqual(name.utf8) }

  /// Whether a lenient reader might take the key for a name in plain lower case that it is not: it holds a capital letter, a byte beyond ASCII, or was
  /// written with escapes. A few instructions, for nearly no key is.
  @inline(__always)
  var mayBeDisguised: Bool {
    var found = JSONKey.tellsCase(words.0)
    if count > 8 {
      found = found || JSONKey.tellsCase(words.1) || JSONKey.tellsCase(words.2) || JSONKey.tellsCase(words.3)
    }
    return (found || wasEscaped) && count <= JSONKey.bytesMax
  }

  /// Whether a byte of the word is `A` to `Z` or beyond ASCII.
  @inline(__always)
  private static func tellsCase(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let high = ones &* 0x80
    if word & high != 0 { return true }
    return (word &+ ones &* (0x80 - 0x41)) & ~(word &+ ones &* (0x80 - 0x5B)) & high != 0
  }

  /// The key as readers see it that ignore case, in lower case.
  ///
  /// Beside ASCII's letters those that fold to them: `ſ` (U+017F) and `K` (U+212A), as Go's `encoding/json` does, `ı` and `İ`, as Java's
  /// `equalsIgnoreCase` does. A zero byte ends it, as it does for readers in C.
  var folded: [UInt8] { JSONKey.fold(bytes[...]) }

  /// A name as readers see it that ignore case.
  static func fold(_ name: ArraySlice<UInt8>) -> [UInt8] {
    var folded: [UInt8] = []
    var rest = name
    while let byte = rest.popFirst(), byte != 0 {
      switch (byte, rest.first) {
      case (UInt8(ascii: "A")...UInt8(ascii: "Z"), _): folded.append(byte | 0x20)
      case (0xC5, 0xBF):
        folded.append(UInt8(ascii: "s"))
        rest = rest.dropFirst()
      case (0xC4, 0xB0), (0xC4, 0xB1):
        folded.append(UInt8(ascii: "i"))
        rest = rest.dropFirst()
      case (0xE2, 0x84) where rest.dropFirst().first == 0xAA:
        folded.append(UInt8(ascii: "k"))
        rest = rest.dropFirst(2)
      default: folded.append(byte)
      }
    }
    return folded
  }

  private var bytes: [UInt8] {
    withUnsafeBytes(of: words) { Array($0.prefix(min(count, JSONKey.bytesMax))) }
  }
}
