/// Walks a JSON document once, front to back, and validates every byte it passes (RFC 8259).
///
/// It knows nothing of fields: the scanners above it ask for members and elements and take note of what they want.
/// Values nobody asked for are skipped by a loop with one bit per open container, so depth costs no stack.
struct JSONCursor {
  let base: UnsafeRawPointer
  let end: Int
  let depthMax: Int
  let allowsLoneSurrogates: Bool
  var position = 0
  var depth = 0

  @inline(__always)
  init(_ base: UnsafeRawPointer, count: Int, limits: JSONLimits) {
    self.base = base
    end = count
    depthMax = limits.depthMax
    allowsLoneSurrogates = limits.allowsLoneSurrogates
  }

  /// The byte at the cursor, or 0 at the end, which stands nowhere in JSON.
  @inline(__always)
  var byte: UInt8 { position < end ? base.load(fromByteOffset: position, as: UInt8.self) : 0 }

  @inline(never)
  func refusal(_ reason: JSONScanError.Reason) -> JSONScanError {
    JSONScanError(offset: position, reason: reason)
  }

  /// What stands at the cursor is not what must stand there.
  @inline(never)
  func unexpected() -> JSONScanError {
    refusal(position < end ? .unexpectedByte : .truncated)
  }

  @inline(__always)
  mutating func skipWhitespace() {
    while position < end {
      let byte = base.load(fromByteOffset: position, as: UInt8.self)
      guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position &+= 1
    }
  }

  @inline(__always)
  mutating func enter() throws(JSONScanError) {
    guard depth < depthMax else { throw refusal(.tooDeep) }
    depth &+= 1
    position &+= 1
  }

  /// Only whitespace may follow the document.
  mutating func expectEnd() throws(JSONScanError) {
    skipWhitespace()
    guard position == end else { throw refusal(.trailingBytes) }
  }

  // MARK: - Containers, member by member

  /// A member whose key was read; the cursor stands at its value.
  struct Member {
    /// The offset of the key's opening quote.
    var start: Int
    var key: JSONKey
  }

  /// Reads the object at the cursor. `body` must consume exactly the member's value.
  @inline(__always)
  mutating func forEachMember(
    _ body: (inout JSONCursor, Member) throws(JSONScanError) -> Void
  ) throws(JSONScanError) {
    guard try enterObject() else { return }
    repeat {
      let member = try readKey()
      try body(&self, member)
    } while try hasFurtherMember()
  }

  /// Moves to the first key of the object at the cursor; false, and behind the object, when it is empty.
  @inline(__always)
  private mutating func enterObject() throws(JSONScanError) -> Bool {
    try enter()
    skipWhitespace()
    guard byte == UInt8(ascii: "}") else { return true }
    position &+= 1
    depth &-= 1
    return false
  }

  /// Moves from the end of a member's value to the next key; false, and behind the object, when that was the last.
  @inline(__always)
  private mutating func hasFurtherMember() throws(JSONScanError) -> Bool {
    skipWhitespace()
    let separator = byte
    guard separator == UInt8(ascii: ",") else {
      guard separator == UInt8(ascii: "}") else { throw unexpected() }
      position &+= 1
      depth &-= 1
      return false
    }
    position &+= 1
    skipWhitespace()
    return true
  }

  /// Reads the array at the cursor. `body` must consume exactly the element.
  @inline(__always)
  mutating func forEachElement(
    _ body: (inout JSONCursor) throws(JSONScanError) -> Void
  ) throws(JSONScanError) {
    try enter()
    skipWhitespace()
    if byte == UInt8(ascii: "]") {
      position &+= 1
      depth &-= 1
      return
    }
    while true {
      try body(&self)
      skipWhitespace()
      let separator = byte
      guard separator == UInt8(ascii: ",") else {
        guard separator == UInt8(ascii: "]") else { throw unexpected() }
        position &+= 1
        depth &-= 1
        return
      }
      position &+= 1
      skipWhitespace()
    }
  }

  @inline(__always)
  private mutating func readKey() throws(JSONScanError) -> Member {
    guard byte == UInt8(ascii: "\"") else { throw unexpected() }
    let start = position
    let hasEscapes = try skipString()
    let count = position &- start &- 2
    let key =
      hasEscapes
      ? JSONKey(unescaping: base, start: start &+ 1, end: position &- 1)
      : JSONKey(base, start: start &+ 1, count: count, end: end)
    try skipColon()
    return Member(start: start, key: key)
  }

  @inline(__always)
  private mutating func skipColon() throws(JSONScanError) {
    skipWhitespace()
    guard byte == UInt8(ascii: ":") else { throw unexpected() }
    position &+= 1
    skipWhitespace()
  }

  // MARK: - Values nobody asked for

  /// Validates the value at the cursor, whatever it is, and moves past it.
  @inline(__always)
  mutating func skipValue() throws(JSONScanError) {
    let first = byte
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { return try skipContainer() }
    try skipScalar(first)
  }

  @inline(__always)
  private mutating func skipScalar(_ first: UInt8) throws(JSONScanError) {
    switch first {
    case UInt8(ascii: "\""): _ = try skipString()
    case UInt8(ascii: "t"): try skipLiteral("true")
    case UInt8(ascii: "f"): try skipLiteral("false")
    case UInt8(ascii: "n"): try skipLiteral("null")
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try skipNumber()
    default: throw unexpected()
    }
  }

  private mutating func skipContainer() throws(JSONScanError) {
    let outside = depth
    var open = ContainerStack()
    while true {
      // A value starts here.
      let first = byte
      if first == UInt8(ascii: "{") {
        try enter()
        open.push(isObject: true)
        skipWhitespace()
        if byte != UInt8(ascii: "}") {
          try skipKey()
          continue
        }
      } else if first == UInt8(ascii: "[") {
        try enter()
        open.push(isObject: false)
        skipWhitespace()
        if byte != UInt8(ascii: "]") { continue }
      } else {
        try skipScalar(first)
      }
      // A value ended, or an empty container stands at its closing bracket.
      guard try findNextValue(&open) else {
        depth = outside
        return
      }
    }
  }

  /// Goes on after a value: closes what ends here. True when another value follows, false at the end of the outermost.
  @inline(__always)
  private mutating func findNextValue(_ open: inout ContainerStack) throws(JSONScanError) -> Bool {
    while true {
      skipWhitespace()
      let separator = byte
      if separator == UInt8(ascii: ",") {
        position &+= 1
        skipWhitespace()
        if open.isInObject { try skipKey() }
        return true
      }
      guard separator == (open.isInObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else { throw unexpected() }
      position &+= 1
      depth &-= 1
      open.pop()
      if open.count == 0 { return false }
    }
  }

  @inline(__always)
  private mutating func skipKey() throws(JSONScanError) {
    guard byte == UInt8(ascii: "\"") else { throw unexpected() }
    _ = try skipString()
    try skipColon()
  }
}
