internal import CLinux

/// Checks a server's bytes before hiredis sees them: sizes, nesting, types, line ends (RESP2, the Redis serialization protocol).
///
/// hiredis 0.14 allocates what a reply announces: `*2147483647` costs 16 GB at once, `$9223372036854775807` waits for ever, and the line end
/// behind a bulk string is not looked at. The gate walks the same grammar, keeps a few numbers and no bytes, and lets nothing pass whose
/// announced size breaks `ReplyLimits`. A value; the verdict does not depend on how the bytes were cut.
package struct ReplyGate: Sendable {
  /// What may be fed to the reader.
  package struct Verdict: Equatable, Sendable {
    /// How many of the bytes may pass: all, or, with a violation, those up to the end of the last complete reply.
    package var admittedBytes: Int
    /// How many replies they complete.
    package var completedReplies: Int
    /// Why the rest may not.
    package var violation: ReplyViolation?
  }

  private enum State {
    case type
    /// A simple string or an error, up to its CR.
    case text
    /// An integer, or the length of a bulk string or an array, up to its CR.
    case number(NumberKind)
    case textLineFeed
    case numberLineFeed(NumberKind)
    case bulk(remaining: Int)
    case bulkCarriageReturn
    case bulkLineFeed
  }

  private enum NumberKind { case integer, bulkLength, arrayLength }

  private let limits: ReplyLimits
  private var state = State.type
  /// For each open array, outermost first, how many of its elements are still to come.
  private var open: [Int] = []
  private var replyBytes = 0
  private var lineBytes = 0
  private var elements = 0
  private var isNegative = false
  private var digits = 0
  private var magnitude: UInt64 = 0
  private var violation: ReplyViolation?

  /// A gate at the beginning of a connection.
  package init(limits: ReplyLimits = ReplyLimits()) {
    self.limits = limits
    open.reserveCapacity(max(0, limits.depthMax))
  }

  /// Whether no reply is half read.
  package var isBetweenReplies: Bool {
    if case .type = state { return open.isEmpty }
    return false
  }

  /// Looks at the next bytes of the connection. After a violation nothing passes any more.
  package mutating func inspect(_ bytes: RawSpan) -> Verdict {
    bytes.withUnsafeBytes { buffer in inspect(buffer) }
  }

  private mutating func inspect(_ buffer: UnsafeRawBufferPointer) -> Verdict {
    var verdict = Verdict(admittedBytes: 0, completedReplies: 0, violation: violation)
    guard violation == nil else { return verdict }
    var at = 0
    do throws(ReplyViolation) {
      while at < buffer.count {
        let begun = at
        let isComplete = try step(buffer, &at)
        replyBytes &+= at &- begun
        guard replyBytes <= limits.replyBytesMax else { throw .replyTooLong(bytesMax: limits.replyBytesMax) }
        guard isComplete else { continue }
        verdict.admittedBytes = at
        verdict.completedReplies &+= 1
        replyBytes = 0
        elements = 0
      }
      verdict.admittedBytes = buffer.count
    } catch {
      violation = error
      verdict.violation = error
    }
    return verdict
  }

  /// Reads on by one byte, or by a stretch of text or payload. True when a reply has ended.
  @inline(__always)
  private mutating func step(_ buffer: UnsafeRawBufferPointer, _ at: inout Int) throws(ReplyViolation) -> Bool {
    let byte = buffer[at]
    switch state {
    case .type:
      try begin(byte)
      at &+= 1
    case .text:
      try skipText(buffer, &at)
    case .number(let kind):
      try countLine(1)
      at &+= 1
      if byte == carriageReturn { state = .numberLineFeed(kind) } else { try addDigit(byte) }
    case .textLineFeed:
      try require(byte, lineFeed)
      at &+= 1
      return ended()
    case .numberLineFeed(let kind):
      try require(byte, lineFeed)
      at &+= 1
      return try numberEnded(kind)
    case .bulk(let remaining):
      let taken = min(remaining, buffer.count &- at)
      at &+= taken
      state = taken == remaining ? .bulkCarriageReturn : .bulk(remaining: remaining &- taken)
    case .bulkCarriageReturn:
      try require(byte, carriageReturn)
      at &+= 1
      state = .bulkLineFeed
    case .bulkLineFeed:
      try require(byte, lineFeed)
      at &+= 1
      return ended()
    }
    return false
  }

  private mutating func begin(_ type: UInt8) throws(ReplyViolation) {
    elements &+= 1
    lineBytes = 1
    isNegative = false
    digits = 0
    magnitude = 0
    switch type {
    case UInt8(ascii: "+"), UInt8(ascii: "-"): state = .text
    case UInt8(ascii: ":"): state = .number(.integer)
    case UInt8(ascii: "$"): state = .number(.bulkLength)
    case UInt8(ascii: "*"): state = .number(.arrayLength)
    case UInt8(ascii: "_"), UInt8(ascii: ","), UInt8(ascii: "#"), UInt8(ascii: "!"), UInt8(ascii: "="),
      UInt8(ascii: "("), UInt8(ascii: "%"), UInt8(ascii: "~"), UInt8(ascii: ">"), UInt8(ascii: "|"):
      throw .resp3(type: type)
    default: throw .unknownType(type)
    }
  }

  /// To the line's CR or the end of what is there. memchr: a loop over bytes was measured six times slower.
  private mutating func skipText(_ buffer: UnsafeRawBufferPointer, _ at: inout Int) throws(ReplyViolation) {
    let rest = UnsafeRawBufferPointer(rebasing: buffer[at...])
    guard let base = rest.baseAddress else { return }
    // No further than the bounds allow, so that the verdict is the same however the bytes were cut.
    let room = min(
      rest.count, max(0, limits.lineBytesMax &- lineBytes), max(0, limits.replyBytesMax &- replyBytes) &+ 1)
    let end = memchr(base, Int32(carriageReturn), room).map { base.distance(to: $0) }
    let count = end ?? room
    guard memchr(base, Int32(lineFeed), count) == nil else { throw .malformedLineEnd }
    try countLine(end == nil ? count : count &+ 1)
    at &+= count
    if end != nil {
      at &+= 1
      state = .textLineFeed
    }
  }

  private mutating func countLine(_ count: Int) throws(ReplyViolation) {
    lineBytes &+= count
    guard lineBytes < limits.lineBytesMax else { throw .lineTooLong(bytesMax: limits.lineBytesMax) }
  }

  private func require(_ byte: UInt8, _ expected: UInt8) throws(ReplyViolation) {
    guard byte == expected else { throw .malformedLineEnd }
  }

  private mutating func addDigit(_ byte: UInt8) throws(ReplyViolation) {
    if byte == UInt8(ascii: "-"), digits == 0, !isNegative {
      isNegative = true
      return
    }
    // No leading zero and at most 19 digits: as hiredis reads numbers.
    guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), digits < 19, digits == 0 || magnitude != 0 else {
      throw byte == lineFeed ? .malformedLineEnd : .malformedNumber
    }
    digits &+= 1
    magnitude = magnitude &* 10 &+ UInt64(byte &- UInt8(ascii: "0"))
  }

  private mutating func numberEnded(_ kind: NumberKind) throws(ReplyViolation) -> Bool {
    guard digits > 0, !(isNegative && magnitude == 0), magnitude <= UInt64(Int64.max) + (isNegative ? 1 : 0) else {
      throw .malformedNumber
    }
    guard kind != .integer else { return ended() }
    if isNegative {
      guard magnitude == 1 else { throw .malformedNumber }
      return ended()
    }
    switch kind {
    case .integer: return ended()
    case .bulkLength:
      guard magnitude <= UInt64(max(0, limits.bulkBytesMax)) else { throw .bulkTooLong(bytesMax: limits.bulkBytesMax) }
      let length = Int(magnitude)
      guard length <= limits.replyBytesMax &- min(replyBytes, limits.replyBytesMax) else {
        throw .replyTooLong(bytesMax: limits.replyBytesMax)
      }
      state = length == 0 ? .bulkCarriageReturn : .bulk(remaining: length)
      return false
    case .arrayLength: return try arrayBegan(magnitude)
    }
  }

  private mutating func arrayBegan(_ length: UInt64) throws(ReplyViolation) -> Bool {
    guard length <= UInt64(max(0, limits.arrayElementsMax)) else {
      throw .arrayTooLong(elementsMax: limits.arrayElementsMax)
    }
    guard open.count < limits.depthMax else { throw .tooDeep(depthMax: limits.depthMax) }
    let count = Int(length)
    // What the arrays still open have announced is owed too.
    let owed = open.reduce(0) { $0 &+ $1 }
    guard elements &+ owed &+ count <= limits.elementsMax else {
      throw .tooManyElements(elementsMax: limits.elementsMax)
    }
    guard count > 0 else { return ended() }
    open.append(count)
    state = .type
    return false
  }

  /// A value has ended, and with it the arrays whose last element it was.
  private mutating func ended() -> Bool {
    state = .type
    while let remaining = open.last {
      guard remaining == 1 else {
        open[open.count &- 1] = remaining &- 1
        return false
      }
      open.removeLast()
    }
    return true
  }
}

private let carriageReturn = UInt8(ascii: "\r")
private let lineFeed = UInt8(ascii: "\n")
