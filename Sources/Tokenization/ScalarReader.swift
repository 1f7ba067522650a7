/// Reads UTF-8 scalar by scalar and tells their classes. Holds the table's addresses, so that a loop need not fetch them.
///
/// Bytes that are not UTF-8 count as one sign each (like U+FFFD), so every text has one reading, however it is cut.
struct ScalarReader {
  /// One scalar. A `width` of 0: the bytes known so far end inside it, or before it.
  struct Scalar {
    var scalarClass: UInt8
    var width: Int
    var value: UInt32
  }

  private let index: UnsafePointer<UInt8>
  private let blocks: UnsafePointer<UInt8>
  private let isolatesScripts: Bool

  /// - Parameter isolatesScripts: whether U+4E00 to U+9FA5 and U+3040 to U+30FF are of the class `isolated`.
  @inline(__always)
  init(isolatesScripts: Bool = false) {
    self.isolatesScripts = isolatesScripts
    index = UnicodeClassTable.index.utf8Start
    blocks = UnicodeClassTable.blocks.utf8Start
  }

  /// The scalar at `position` of `count` bytes.
  @inline(__always)
  func read(_ base: UnsafePointer<UInt8>, _ position: Int, _ count: Int) -> Scalar {
    guard position < count else { return Scalar(scalarClass: 0, width: 0, value: 0) }
    let byte = base[position]
    // The first block of the table is ASCII.
    if byte < 0x80 { return Scalar(scalarClass: blocks[Int(byte)] &- 0x30, width: 1, value: UInt32(byte)) }
    var scalar = readLong(base + position, count &- position)
    if isolatesScripts, scalar.width == 3, scalar.value &- 0x4E00 <= 0x51A5 || scalar.value &- 0x3040 <= 0xBF {
      scalar.scalarClass = UnicodeClass.isolated
    }
    return scalar
  }

  /// Skips scalars of `set`. True: it stopped before another one; false: the bytes ended.
  @inline(__always)
  func skip(_ set: ClassSet, _ base: UnsafePointer<UInt8>, _ position: inout Int, _ count: Int) -> Bool {
    while true {
      let scalar = read(base, position, count)
      if scalar.width == 0 { return false }
      if !set.contains(scalar.scalarClass) { return true }
      position &+= scalar.width
    }
  }

  /// The class of a scalar value. The values 0x110000 and above, which are none, are `other`.
  @inline(__always)
  func classOf(_ value: UInt32) -> UInt8 {
    guard value < UnicodeClassTable.end else {
      // Variation selectors; nothing else up there is assigned but tags (format) and private use.
      return value &- 0xE0100 < 0xF0 ? UnicodeClass.mark : UnicodeClass.other
    }
    let entry = index + 2 &* Int(value >> 7)
    let block = Int(entry[0] &- 0x30) << 4 | Int(entry[1] &- 0x30)
    return blocks[block << 7 | Int(value & 0x7F)] &- 0x30
  }

  /// A scalar that begins with a byte of 0x80 or more (RFC 3629, section 4).
  private func readLong(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Scalar {
    let lead = bytes[0]
    let stray = Scalar(scalarClass: UnicodeClass.sign, width: 1, value: 0xFFFD)
    let incomplete = Scalar(scalarClass: 0, width: 0, value: 0)
    guard lead >= 0xC2, lead <= 0xF4 else { return stray }
    guard count > 1 else { return incomplete }
    let second = bytes[1]
    guard second & 0xC0 == 0x80 else { return stray }
    var value = UInt32(second & 0x3F)
    if lead < 0xE0 {
      value |= UInt32(lead & 0x1F) << 6
      return Scalar(scalarClass: classOf(value), width: 2, value: value)
    }
    // Overlong forms, surrogates, and what lies above U+10FFFF.
    if lead == 0xE0 && second < 0xA0 || lead == 0xED && second > 0x9F || lead == 0xF0 && second < 0x90
      || lead == 0xF4 && second > 0x8F
    {
      return stray
    }
    guard count > 2 else { return incomplete }
    guard bytes[2] & 0xC0 == 0x80 else { return stray }
    value = value << 6 | UInt32(bytes[2] & 0x3F)
    if lead < 0xF0 {
      value |= UInt32(lead & 0x0F) << 12
      return Scalar(scalarClass: classOf(value), width: 3, value: value)
    }
    guard count > 3 else { return incomplete }
    guard bytes[3] & 0xC0 == 0x80 else { return stray }
    value = (value << 6 | UInt32(bytes[3] & 0x3F)) | UInt32(lead & 0x07) << 18
    return Scalar(scalarClass: classOf(value), width: 4, value: value)
  }
}
