/// The answer of `/v1/embeddings`: vectors that are a function of model and input, so that clients can verify order.
enum Embeddings {
  static let dimensionsDefault = 1536
  static let dimensionsMax = 8192
  static let inputsMax = 4096

  /// The whole answer for a request body.
  static func answer(_ body: UnsafeRawBufferPointer, model: String) -> [UInt8] {
    let search = JSONSearch(body)
    let dimensions = min(max(1, search.number(of: "dimensions") ?? dimensionsDefault), dimensionsMax)
    let isBase64 = search.string(of: "encoding_format") == "base64"
    let inputs = search.value(of: "input").map { Self.inputs(body, from: $0) } ?? [0]
    var bytes: [UInt8] = []
    bytes.append("{\"object\":\"list\",\"data\":[")
    for (index, checksum) in inputs.enumerated() {
      if index > 0 { bytes.append(",") }
      bytes.append("{\"object\":\"embedding\",\"index\":\(index),\"embedding\":")
      let vector = vector(model: model, checksum: checksum, dimensions: dimensions)
      if isBase64 {
        appendBase64(vector, to: &bytes)
      } else {
        bytes.append("[\(vector.map { "\($0)" }.joined(separator: ","))]")
      }
      bytes.append("}")
    }
    bytes.append("],\"model\":")
    bytes.appendQuoted(model)
    let tokens = 8 * inputs.count
    bytes.append(",\"usage\":{\"prompt_tokens\":\(tokens),\"total_tokens\":\(tokens)}}")
    return bytes
  }

  /// Multiples of 1/4096 between -1 and 1: exact as a Float and short as a decimal.
  static func vector(model: String, checksum: UInt32, dimensions: Int) -> [Float] {
    var state = UInt64(CRC32.of(Array(model.utf8))) << 32 | UInt64(checksum)
    return (0..<dimensions).map { _ in
      // A step of a 64-bit linear congruential generator (Knuth's MMIX constants); the high bits are good enough here.
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int(state >> 51) - 4096) / 4096
    }
  }

  /// A checksum of each input's JSON text: a string, an array of tokens, or the elements of an array of these.
  private static func inputs(_ body: UnsafeRawBufferPointer, from start: Int) -> [UInt32] {
    guard body[start] == UInt8(ascii: "[") else { return [checksum(body, start)] }
    let search = JSONSearch(body)
    var at = search.skipSpace(start + 1)
    guard at < body.count, body[at] == UInt8(ascii: "\"") || body[at] == UInt8(ascii: "[") else {
      return [checksum(body, start)]
    }
    var inputs: [UInt32] = []
    while at < body.count, inputs.count < inputsMax {
      let end = valueEnd(body, at)
      inputs.append(CRC32.of(body[at..<end]))
      at = search.skipSpace(end)
      guard at < body.count, body[at] == UInt8(ascii: ",") else { break }
      at = search.skipSpace(at + 1)
    }
    return inputs
  }

  private static func checksum(_ body: UnsafeRawBufferPointer, _ start: Int) -> UInt32 {
    CRC32.of(body[start..<valueEnd(body, start)])
  }

  /// The end of the string or array that begins at `start`.
  private static func valueEnd(_ body: UnsafeRawBufferPointer, _ start: Int) -> Int {
    var depth = 0
    var isString = false
    var at = start
    while at < body.count {
      switch body[at] {
      case UInt8(ascii: "\\") where isString: at += 1
      case UInt8(ascii: "\""): isString.toggle()
      case UInt8(ascii: "[") where !isString: depth += 1
      case UInt8(ascii: "]") where !isString: depth -= 1
      default: break
      }
      at += 1
      if depth <= 0 && !isString { break }
    }
    return min(at, body.count)
  }

  private static let base64Digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The floats as little-endian bytes in base64 (RFC 4648 section 4), as OpenAI sends them.
  private static func appendBase64(_ vector: [Float], to bytes: inout [UInt8]) {
    var raw: [UInt8] = []
    raw.reserveCapacity(vector.count * 4)
    for value in vector { withUnsafeBytes(of: value.bitPattern.littleEndian) { raw.append(contentsOf: $0) } }
    bytes.append("\"")
    var at = 0
    while at < raw.count {
      let count = min(3, raw.count - at)
      var group: UInt32 = 0
      for offset in 0..<3 { group = group << 8 | (offset < count ? UInt32(raw[at + offset]) : 0) }
      for digit in 0..<4 {
        let index = Int(group >> (18 - 6 * UInt32(digit)) & 63)
        bytes.append(digit <= count ? base64Digits[index] : UInt8(ascii: "="))
      }
      at += 3
    }
    bytes.append("\"")
  }
}
