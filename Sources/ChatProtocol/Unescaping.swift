/// The bytes that one unit of a valid JSON string stands for: up to four, the first one lowest.
struct UnescapedUnit {
  var bytes: UInt32
  var count: Int
}

/// Reads the byte or the escape at `position` and moves past it.
///
/// The text was validated before. What is not valid is given on as it is or as U+FFFD: it must not trap.
func unescapedUnit(_ base: UnsafeRawPointer, _ position: inout Int, _ end: Int) -> UnescapedUnit {
  let byte = base.load(fromByteOffset: position, as: UInt8.self)
  position &+= 1
  guard byte == UInt8(ascii: "\\"), position < end else { return UnescapedUnit(bytes: UInt32(byte), count: 1) }
  let letter = base.load(fromByteOffset: position, as: UInt8.self)
  position &+= 1
  switch letter {
  case UInt8(ascii: "b"): return UnescapedUnit(bytes: 0x08, count: 1)
  case UInt8(ascii: "f"): return UnescapedUnit(bytes: 0x0C, count: 1)
  case UInt8(ascii: "n"): return UnescapedUnit(bytes: 0x0A, count: 1)
  case UInt8(ascii: "r"): return UnescapedUnit(bytes: 0x0D, count: 1)
  case UInt8(ascii: "t"): return UnescapedUnit(bytes: 0x09, count: 1)
  case UInt8(ascii: "u"): break
  default: return UnescapedUnit(bytes: UInt32(letter), count: 1)
  }
  guard let unit = hexUnit(base, position, end) else { return utf8(0xFFFD) }
  position &+= 4
  guard unit & 0xF800 == 0xD800 else { return utf8(UInt32(unit)) }
  guard unit < 0xDC00, position &+ 6 <= end,
    base.load(fromByteOffset: position, as: UInt8.self) == UInt8(ascii: "\\"),
    base.load(fromByteOffset: position &+ 1, as: UInt8.self) == UInt8(ascii: "u"),
    let low = hexUnit(base, position &+ 2, end), low & 0xFC00 == 0xDC00
  else { return utf8(0xFFFD) }
  position &+= 6
  return utf8(0x10000 &+ ((UInt32(unit) & 0x3FF) << 10 | (UInt32(low) & 0x3FF)))
}

/// The value of four hexadecimal digits, or nil.
func hexUnit(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> UInt16? {
  guard start &+ 4 <= end else { return nil }
  var value: UInt16 = 0
  for index in 0..<4 {
    let byte = base.load(fromByteOffset: start &+ index, as: UInt8.self)
    let digit: UInt8
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- UInt8(ascii: "a") &+ 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte &- UInt8(ascii: "A") &+ 10
    default: return nil
    }
    value = value &<< 4 | UInt16(digit)
  }
  return value
}

/// The UTF-8 of a scalar.
func utf8(_ scalar: UInt32) -> UnescapedUnit {
  func tail(_ shift: UInt32) -> UInt32 { 0x80 | (scalar >> shift) & 0x3F }
  switch scalar {
  case 0..<0x80: return UnescapedUnit(bytes: scalar, count: 1)
  case 0x80..<0x800: return UnescapedUnit(bytes: 0xC0 | scalar >> 6 | tail(0) << 8, count: 2)
  case 0x800..<0x10000: return UnescapedUnit(bytes: 0xE0 | scalar >> 12 | tail(6) << 8 | tail(0) << 16, count: 3)
  default: return UnescapedUnit(bytes: 0xF0 | scalar >> 18 | tail(12) << 8 | tail(6) << 16 | tail(0) << 24, count: 4)
  }
}
