internal import CLinux

/// Strings, numbers and literals, which a piece may break off in anywhere.
extension PassingDocument {
  mutating func beginKey() {
    isKey = true
    isEscaped = false
    collectedCount = 0
    if role == .error { hasError = true }
    state = role.hasMembers ? .inKey : .inString
  }

  mutating func beginString() {
    isKey = false
    isEscaped = false
    unitCount = 0
    collectedCount = 0
    if let channel = textChannel(slot) {
      self.channel = channel
      state = .inText
    } else {
      state = slot == .finishReason || slot == .error ? .inSniffed : .inString
    }
  }

  /// A string nobody asked for: its end is searched for. Returns where to go on.
  mutating func passString(_ base: UnsafeRawPointer, _ at: Int, _ end: Int) -> Int {
    guard let quote = findQuote(base, at, end) else { return end }
    if isKey {
      slot = .ignored
      state = .colon
    } else {
      endValue()
    }
    return quote &+ 1
  }

  /// The quote that ends the string that goes on at `at`. When there is none, it is kept whether the next byte is
  /// escaped.
  private mutating func findQuote(_ base: UnsafeRawPointer, _ at: Int, _ end: Int) -> Int? {
    let start = isEscaped ? at &+ 1 : at
    isEscaped = false
    var from = start
    while from < end, let found = memchr(base + from, 0x22, end &- from) {
      let quote = base.distance(to: UnsafeRawPointer(found))
      if backslashes(base, start, quote) & 1 == 0 { return quote }
      from = quote &+ 1
    }
    isEscaped = backslashes(base, start, end) & 1 != 0
    return nil
  }

  /// How many backslashes stand right before `end`, back to `start` at most.
  private func backslashes(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Int {
    var at = end
    while at > start, base.load(fromByteOffset: at &- 1, as: UInt8.self) == UInt8(ascii: "\\") { at &-= 1 }
    return end &- at
  }

  /// A key, or a text of which only the beginning is looked at.
  mutating func collect(_ base: UnsafeRawPointer, _ at: Int, _ end: Int) -> Int {
    let quote = findQuote(base, at, end)
    let stop = quote ?? end
    guard collectedCount > 0 || quote == nil else {
      endCollected(base, at, stop, end)
      return stop &+ 1
    }
    // What is longer than there is room for is no name that is known.
    for index in at..<stop {
      if collectedCount < collected.count {
        collected[collectedCount] = base.load(fromByteOffset: index, as: UInt8.self)
      }
      collectedCount &+= 1
    }
    guard quote != nil else { return end }
    let whole = collected
    let count = min(collectedCount, whole.count)
    withUnsafeBytes(of: whole) { buffer in
      if let base = buffer.baseAddress { endCollected(base, 0, count, count) }
    }
    return stop &+ 1
  }

  private mutating func endCollected(_ base: UnsafeRawPointer, _ start: Int, _ stop: Int, _ end: Int) {
    collectedCount = 0
    if state == .inKey {
      let isEscaped = memchr(base + start, 0x5C, stop &- start) != nil
      slot = slot(
        isEscaped
          ? JSONKey(unescaping: base, start: start, end: stop)
          : JSONKey(base, start: start, count: stop &- start, end: end))
      state = .colon
      return
    }
    if slot == .error, stop > start { hasError = true }
    if slot == .finishReason, JSONCursor.isReason(UnsafeRawBufferPointer(start: base + start, count: stop &- start)) {
      finishedCount &+= 1
    }
    endValue()
  }

  // MARK: Texts

  /// A text of the answer, handed on as far as it has come. Returns where to go on.
  mutating func passText(
    _ base: UnsafeRawPointer, _ start: Int, _ end: Int, _ body: (ChunkText, RawSpan) -> Void
  ) -> Int {
    let at = completeUnit(base, start, end, isRaw: false, body)
    guard at < end, state == .inText else { return at }
    isEscaped = false
    guard let quote = findQuote(base, at, end) else {
      handOn(base, at, keepUnit(base, at, end, isRaw: false), body)
      return end
    }
    handOn(base, at, quote, body)
    endValue()
    return quote &+ 1
  }

  /// Finishes what the piece before broke off in: a letter, or an escape. Returns where to go on.
  mutating func completeUnit(
    _ base: UnsafeRawPointer, _ start: Int, _ end: Int, isRaw: Bool, _ body: (ChunkText, RawSpan) -> Void
  ) -> Int {
    var at = start
    while unitCount > 0, at < end {
      let byte = base.load(fromByteOffset: at, as: UInt8.self)
      let isEscape = unit[0] == UInt8(ascii: "\\")
      // What cannot go on so is handed on as it is; a whole-document scanner would refuse it.
      if isEscape ? unitCount >= 2 && !Self.isHexDigit(byte) : byte & 0xC0 != 0x80 { return endUnit(at, body) }
      unit[unitCount] = byte
      unitCount &+= 1
      at &+= 1
      if unitCount >= unitLength(unit[0], second: unitCount > 1 ? unit[1] : nil) { return endUnit(at, body) }
    }
    return at
  }

  private mutating func endUnit(_ at: Int, _ body: (ChunkText, RawSpan) -> Void) -> Int {
    let bytes = unit
    let count = unitCount
    unitCount = 0
    withUnsafeBytes(of: bytes) { buffer in
      if let base = buffer.baseAddress { handOn(base, 0, count, body) }
    }
    return at
  }

  /// Keeps the letter or escape that the piece breaks off in. Returns where it begins.
  mutating func keepUnit(_ base: UnsafeRawPointer, _ start: Int, _ end: Int, isRaw: Bool) -> Int {
    var at = end
    // An escape has six bytes at most, a letter four; the last that begins in the piece is looked at.
    while at > start, end &- at < 6 {
      at &-= 1
      let byte = base.load(fromByteOffset: at, as: UInt8.self)
      let begins =
        byte == UInt8(ascii: "\\") ? !isRaw && backslashes(base, start, at) & 1 == 0 : byte >= 0xC0
      guard begins else { continue }
      let second = at &+ 1 < end ? base.load(fromByteOffset: at &+ 1, as: UInt8.self) : nil
      guard unitLength(byte, second: second) > end &- at, goesOn(base, at, end) else { return end }
      for index in at..<end { unit[index &- at] = base.load(fromByteOffset: index, as: UInt8.self) }
      unitCount = end &- at
      return at
    }
    return end
  }

  /// Whether all that follows the first byte can belong to the letter or escape that it begins: a piece that follows is asked the same.
  private func goesOn(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Bool {
    let isEscape = base.load(fromByteOffset: start, as: UInt8.self) == UInt8(ascii: "\\")
    for index in start &+ 1..<max(start &+ 1, end) {
      let byte = base.load(fromByteOffset: index, as: UInt8.self)
      guard isEscape ? index &- start < 2 || Self.isHexDigit(byte) : byte & 0xC0 == 0x80 else { return false }
    }
    return true
  }

  /// How long what begins with this byte is.
  private func unitLength(_ first: UInt8, second: UInt8?) -> Int {
    switch first {
    case UInt8(ascii: "\\"): second == UInt8(ascii: "u") ? 6 : 2
    case 0xF0...: 4
    case 0xE0...: 3
    case 0xC0...: 2
    default: 1
    }
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10 || (byte | 0x20) &- UInt8(ascii: "a") < 6
  }

  /// Hands on the bytes of a text, or of what is handed on as it is.
  mutating func handOn(_ base: UnsafeRawPointer, _ start: Int, _ stop: Int, _ body: (ChunkText, RawSpan) -> Void) {
    guard stop > start else { return }
    let isRaw = rawDepth > 0 || state != .inText
    let hasEscapes = !isRaw && memchr(base + start, 0x5C, stop &- start) != nil
    if slot == .plainReasoning { reasoning = .taken }
    if slot == .listedReasoning { reasoning = .inTakenList }
    // As if it stood between quotes.
    let text = JSONStringRange(range: -1..<stop &- start &+ 1, hasEscapes: hasEscapes)
    let bytes = UnsafeRawBufferPointer(start: base + start, count: stop &- start).bytes
    body(
      ChunkText(
        choice: Int32(truncatingIfNeeded: choice), part: Int32(truncatingIfNeeded: part),
        channel: isRaw ? .toolArguments : channel, text: text), bytes)
  }

  mutating func emitBrace(_ body: (ChunkText, RawSpan) -> Void) {
    isRawBegun = true
    let brace: [UInt8] = [UInt8(ascii: "{")]
    brace.withUnsafeBytes { if let base = $0.baseAddress { handOn(base, 0, 1, body) } }
  }

  // MARK: Numbers and literals

  mutating func passNumber(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Int {
    var at = start
    while at < end {
      let byte = base.load(fromByteOffset: at, as: UInt8.self)
      guard
        byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
          || byte | 0x20 == UInt8(ascii: "e") || byte == UInt8(ascii: "+")
      else {
        endValue()
        return at
      }
      at &+= 1
    }
    return end
  }

  mutating func passLiteral(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Int {
    var at = start
    while at < end, literalCount < literal.utf8CodeUnitCount {
      guard base.load(fromByteOffset: at, as: UInt8.self) == literal.utf8Start[literalCount] else {
        state = .broken
        return at
      }
      literalCount &+= 1
      at &+= 1
    }
    if literalCount == literal.utf8CodeUnitCount { endValue() }
    return at
  }
}
