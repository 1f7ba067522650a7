/// Numbers in lower-case hexadecimal.
enum HexDigits {
  /// How many digits a number has; 1 for zero.
  @inline(__always) static func count(_ value: UInt64) -> Int {
    max(1, (64 &- value.leadingZeroBitCount &+ 3) &>> 2)
  }

  /// The digit of a value below 16.
  @inline(__always) static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x57 &+ value }
}
