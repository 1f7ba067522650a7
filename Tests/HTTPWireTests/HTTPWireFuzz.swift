import HTTPWire

/// Feeds any bytes to everything that reads what peers send and traps when an invariant breaks. It needs nothing but
/// the bytes, so that a coverage-guided fuzzer can drive it as well as the seeded tests.
func fuzzHTTP(_ bytes: RawSpan) {
  fuzzRequestHead(bytes, .request)
  fuzzRequestHead(bytes, narrow)
  fuzzResponseHead(bytes, .response)
  fuzzResponseHead(bytes, narrow)
  fuzzChunks(bytes)
  fuzzTarget(bytes)
}

/// Bounds so near that short inputs reach them.
private let narrow = HTTPLimits(startLineBytesMax: 70, headBytesMax: 140, fieldCountMax: 5, fieldNameBytesMax: 14)

/// Where to cut: taken from the bytes themselves, so that a finding is reproduced by its bytes alone.
private func cut(_ bytes: RawSpan) -> Int {
  bytes.isEmpty ? 0 : (bytes.byteCount &* 31 &+ Int(bytes.unsafeLoad(as: UInt8.self))) % (bytes.byteCount + 1)
}

private enum Outcome: Equatable {
  case incomplete, refused(HTTPWireError)
  case head(Int)
}

private func fuzzRequestHead(_ bytes: RawSpan, _ limits: HTTPLimits) {
  var parser = RequestHeadParser(limits: limits)
  func outcome(_ part: RawSpan, _ searched: Int) -> Outcome {
    do throws(HTTPWireError) {
      switch try parser.parse(part, searchedBytes: searched) {
      case .incomplete(let searched):
        precondition(searched == part.byteCount, "everything was looked at")
        return .incomplete
      case .head(let end): return .head(end)
      }
    } catch { return .refused(error) }
  }
  let whole = outcome(bytes, 0)
  if case .head(let end) = whole {
    let head = parser.head
    checkFields(parser.fields, bytes, end)
    precondition(end <= parser.limits.headBytesMax && parser.fields.count <= parser.limits.fieldCountMax)
    precondition(head.target.contains(head.path) && head.target.upperBound < end && !head.methodName.isEmpty)
    if let query = head.query { precondition(head.path.upperBound < query.lowerBound && head.target.contains(query)) }
    precondition(head.framing != .untilClose && head.framing != .length(0), "a request's end is always known")
    precondition(head.versionMinor == 0 || head.host != nil)
    if head.framing == .chunked { precondition(parser.fields.count(of: .contentLength) == 0, "CL and TE never both") }
    precondition(parser.fields.count(of: .contentLength) <= 1 && parser.fields.count(of: .transferEncoding) <= 1)
  }
  checkSplit(bytes, whole, outcome)
}

private func fuzzResponseHead(_ bytes: RawSpan, _ limits: HTTPLimits) {
  var parser = ResponseHeadParser(limits: limits)
  func outcome(_ part: RawSpan, _ searched: Int) -> Outcome {
    do throws(HTTPWireError) {
      switch try parser.parse(part, searchedBytes: searched, requestMethod: .post) {
      case .incomplete: return .incomplete
      case .head(let end): return .head(end)
      }
    } catch {
      precondition(error.status == 502)
      return .refused(error)
    }
  }
  let whole = outcome(bytes, 0)
  if case .head(let end) = whole {
    checkFields(parser.fields, bytes, end)
    precondition((100...599).contains(parser.head.status) && parser.head.status != 101)
    precondition(parser.head.reason.upperBound <= end && parser.head.framing != .length(0))
    precondition(parser.head.framing != .untilClose || !parser.head.keepAlive, "nothing can follow an open end")
  }
  checkSplit(bytes, whole, outcome)
}

/// In two pieces the verdict is the same. Only a defect in the middle of a line may be told as late as at its end.
private func checkSplit(_ bytes: RawSpan, _ whole: Outcome, _ outcome: (RawSpan, Int) -> Outcome) {
  let first = outcome(bytes.extracting(first: cut(bytes)), 0)
  let last = first == .incomplete ? outcome(bytes, cut(bytes)) : first
  if last == whole { return }
  precondition(last == .incomplete, "the verdict depends on the split")
  let ended = bytes.withUnsafeBytes { Array($0) } + [0x0A]
  precondition(outcome(ended.span.bytes, bytes.byteCount) == whole, "a defect was forgotten")
}

private func checkFields(_ fields: [HeaderField], _ bytes: RawSpan, _ end: Int) {
  precondition(end <= bytes.byteCount)
  var last = 0
  for field in fields {
    precondition(field.name.lowerBound >= last && !field.name.isEmpty && field.name.upperBound < field.value.lowerBound)
    precondition(field.value.upperBound <= end &- 4, "a line end and the empty line follow")
    last = field.value.upperBound
    for at in field.value {
      let byte = bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
      precondition(byte >= 0x20 && byte != 0x7F || byte == 9, "a control character in a value")
    }
    // What was read can be written: the two directions agree on what a field is.
    var output = OutputBytes()
    do throws(HTTPWireError) {
      try output.appendField(name: bytes.extracting(field.name), value: bytes.extracting(field.value))
    } catch { preconditionFailure("a parsed field cannot be written") }
  }
}

private func fuzzChunks(_ bytes: RawSpan) {
  let copy = bytes.withUnsafeBytes { Array($0) }
  let whole = decoded(copy)
  precondition(whole.payload.count <= copy.count)
  if let end = whole.endOffset { precondition(end <= copy.count) }
  let inTwo = decoded(copy, ends: [cut(bytes), copy.count])
  precondition(inTwo == whole, "the payload depends on the split")
  let moved = compacted(copy, ends: [cut(bytes), copy.count])
  precondition(moved.refused == whole.refused && moved.endOffset == whole.endOffset)
  // A defect costs the compaction the payload of its own piece, never other bytes.
  precondition(moved.refused == nil ? moved.payload == whole.payload : whole.payload.starts(with: moved.payload))
}

private func fuzzTarget(_ bytes: RawSpan) {
  let isSuspicious = RequestTarget.isSuspicious(bytes)
  bytes.withUnsafeBytes { bytes in
    if bytes.contains(UInt8(ascii: ";")) || bytes.contains(UInt8(ascii: "\\")) || bytes.contains(0) {
      precondition(isSuspicious)
    }
  }
}

extension Range<Int> {
  fileprivate func contains(_ other: Range<Int>) -> Bool {
    lowerBound <= other.lowerBound && other.upperBound <= upperBound
  }
}
