import ServerSentEvents

/// Feeds any bytes to the event stream parser and traps when an invariant breaks.
func fuzzEvents(_ bytes: RawSpan) {
  let stream = bytes.withUnsafeBytes { Array($0) }
  checkBlocks(stream)
  // A cut taken from the bytes themselves, so that a finding is reproduced by its bytes alone.
  let cut = stream.isEmpty ? 0 : (stream.count &* 31 &+ Int(stream[0])) % (stream.count + 1)
  let expected = ReferenceReader.messages(of: stream)
  // A last line that ends with CR may yet be followed by LF; whole it was read as the reference reads it.
  precondition(messages(of: stream, cuts: [cut]) == expected, "the standard's algorithm reads something else")
  precondition(messages(of: stream, cuts: Array(0...stream.count)) == expected, "one byte at a time reads otherwise")
  checkBound(stream)
}

/// All blocks, one after the other, are the stream: a forwarder loses no byte.
private func checkBlocks(_ stream: [UInt8]) {
  var parser = SSEParser()
  var offset = 0
  while case .event(let event)? = try? parser.next(in: stream.span.bytes, at: offset) {
    precondition(event.bytes.lowerBound == offset && event.bytes.upperBound > offset)
    precondition(event.bytes.upperBound <= stream.count)
    for range in [event.data, event.eventName, event.id, event.retry].compactMap(\.self) {
      precondition(range.lowerBound >= event.bytes.lowerBound && range.upperBound < event.bytes.upperBound)
    }
    var joined: [UInt8] = []
    event.joinData(in: stream.span.bytes, into: &joined)
    if let data = event.data { precondition(joined == Array(stream[data])) }
    offset = event.bytes.upperBound
  }
  precondition(parser.finish() <= stream.count - offset)
}

private func messages(of stream: [UInt8], cuts: [Int]) -> [SSEMessage] {
  var reader = SSEStreamReader()
  var messages: [SSEMessage] = []
  var start = 0
  for end in cuts + [stream.count] where end >= start {
    do throws(SSEError) {
      messages += try reader.push(Array(stream[start..<end]))
    } catch { preconditionFailure("refused below its bound") }
    start = end
  }
  return messages
}

/// With a near bound the parser refuses, however the bytes come, and never hands out more than the bound.
private func checkBound(_ stream: [UInt8]) {
  var parser = SSEParser(eventBytesMax: 24)
  var offset = 0
  do throws(SSEError) {
    while case .event(let event) = try parser.next(in: stream.span.bytes, at: offset) {
      // Behind a BOM or the LF of the CR before.
      precondition(event.bytes.count <= 24 + 3 + 1)
      offset = event.bytes.upperBound
    }
  } catch {}
}
