import HTTPWire

/// The bytes of a text whose scalars are below U+0100, one byte each, so that any byte can be written in a sample.
func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

/// The first `count` bytes of a text: to Swift, CRLF is one character, to the wire it is two.
func prefix(_ text: String, _ count: Int) -> String {
  String(String.UnicodeScalarView(text.unicodeScalars.prefix(count)))
}

/// What a parser finally says, however the bytes came.
enum Verdict: Equatable {
  case incomplete
  case refused(HTTPWireError.Kind, status: Int)
  case request(RequestHead, [HeaderField], endOffset: Int)
  case response(ResponseHead, [HeaderField], endOffset: Int)

  var status: Int? { if case .refused(_, let status) = self { status } else { nil } }
  var kind: HTTPWireError.Kind? { if case .refused(let kind, _) = self { kind } else { nil } }
  var requestHead: RequestHead? { if case .request(let head, _, _) = self { head } else { nil } }
  var responseHead: ResponseHead? { if case .response(let head, _, _) = self { head } else { nil } }
}

/// Feeds a request in pieces that end at `ends`, in rising order, the last being the sample's end.
func requestVerdict(
  _ sample: [UInt8], ends: [Int]? = nil, parser: inout RequestHeadParser
) -> Verdict {
  var searched = 0
  for end in ends ?? [sample.count] {
    do throws(HTTPWireError) {
      switch try parser.parse(sample.span.bytes.extracting(first: end), searchedBytes: searched) {
      case .incomplete(let searchedBytes): searched = searchedBytes
      case .head(let endOffset): return .request(parser.head, parser.fields, endOffset: endOffset)
      }
    } catch { return .refused(error.kind, status: error.status) }
  }
  return .incomplete
}

func requestVerdict(_ text: String, limits: HTTPLimits = .request) -> Verdict {
  var parser = RequestHeadParser(limits: limits)
  return requestVerdict(bytes(text), parser: &parser)
}

/// The same for a response.
func responseVerdict(
  _ sample: [UInt8], ends: [Int]? = nil, to method: HTTPMethod, parser: inout ResponseHeadParser
) -> Verdict {
  var searched = 0
  for end in ends ?? [sample.count] {
    do throws(HTTPWireError) {
      switch try parser.parse(sample.span.bytes.extracting(first: end), searchedBytes: searched, requestMethod: method)
      {
      case .incomplete(let searchedBytes): searched = searchedBytes
      case .head(let endOffset): return .response(parser.head, parser.fields, endOffset: endOffset)
      }
    } catch { return .refused(error.kind, status: error.status) }
  }
  return .incomplete
}

func responseVerdict(_ text: String, to method: HTTPMethod = .post, limits: HTTPLimits = .response) -> Verdict {
  var parser = ResponseHeadParser(limits: limits)
  return responseVerdict(bytes(text), to: method, parser: &parser)
}

/// What a chunked body decodes to.
struct Decoded: Equatable {
  var payload: [UInt8] = []
  var refused: HTTPWireError.Kind?
  /// Where the message ended; nil when it did not.
  var endOffset: Int?
}

/// Decodes a chunked body that comes in pieces ending at `ends`.
func decoded(_ sample: [UInt8], ends: [Int]? = nil, limits: HTTPLimits = .request) -> Decoded {
  var decoder = ChunkedDecoder(limits: limits)
  var result = Decoded()
  var start = 0
  for end in ends ?? [sample.count] {
    let piece = Array(sample[start..<end])
    var at = 0
    piece: while true {
      do throws(HTTPWireError) {
        switch try decoder.next(piece.span.bytes, at: at) {
        case .payload(let range, let next):
          result.payload += piece[range]
          at = next
        case .needMore: break piece
        case .end(let next):
          result.endOffset = start + next
          return result
        }
      } catch {
        result.refused = error.kind
        return result
      }
    }
    start = end
  }
  return result
}

/// The same through in-place compaction.
func compacted(_ sample: [UInt8], ends: [Int]? = nil, limits: HTTPLimits = .request, room: Int = 3) -> Decoded {
  var decoder = ChunkedDecoder(limits: limits)
  var result = Decoded()
  var start = 0
  for end in ends ?? [sample.count] {
    var piece = [UInt8](repeating: 0xAA, count: room) + sample[start..<end] + [0xBB]
    do throws(HTTPWireError) {
      let attempt = piece.withUnsafeMutableBytes { buffer in
        Result { () throws(HTTPWireError) in try decoder.compact(buffer, from: room, count: end - start) }
      }
      let outcome = try attempt.get()
      result.payload += piece[outcome.payloadStart..<outcome.payloadStart + outcome.payloadCount]
      precondition(piece[room - 1] == 0xAA && piece[piece.count - 1] == 0xBB, "compaction left its range")
      if outcome.ended {
        result.endOffset = start + outcome.consumed
        return result
      }
      precondition(outcome.consumed == end - start, "an unfinished message uses every byte")
    } catch {
      result.refused = error.kind
      return result
    }
    start = end
  }
  return result
}

/// Every way to cut `count` bytes in two, and one byte at a time.
func everySplit(_ count: Int) -> [[Int]] {
  (1..<max(count, 2)).map { [min($0, count), count] } + [Array(1...max(count, 1)).map { min($0, count) }]
}

/// SplitMix64: small, and the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed &>> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed &>> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed &>> 31
  }
}

/// Spans cannot go through the expectation macros; these take arrays.
func isSuspicious(_ path: String) -> Bool { RequestTarget.isSuspicious(bytes(path).span.bytes) }

extension ChunkedDecoder {
  mutating func next(_ bytes: [UInt8], at offset: Int) throws(HTTPWireError) -> Step {
    try next(bytes.span.bytes, at: offset)
  }
}

extension OutputBytes {
  mutating func appendField(name: [UInt8], value: [UInt8]) throws(HTTPWireError) {
    try appendField(name: name.span.bytes, value: value.span.bytes)
  }

  mutating func appendRequestLine(_ method: HTTPMethod, target: [UInt8]) throws(HTTPWireError) {
    try appendRequestLine(method, target: target.span.bytes)
  }

  mutating func append(chunk payload: [UInt8]) { append(chunk: payload.span.bytes) }
}
