internal import Glibc

/// What the simulator acts on in a request body, found by a plain search: it need not be right about hostile JSON,
/// only about what tests and benchmarks send, and it must cost little.
struct RequestFacts: Hashable {
  var model = ""
  var isStream = false
  var includesUsage = false
  /// Whether running counts were asked for too (`continuous_usage_stats`).
  var includesRunningUsage = false
  /// The request's `n`.
  var choices = 1
  /// The script in `metadata.script` or in `user` (`"script: …"`); empty when there is none.
  var script = ""

  init(_ body: UnsafeRawBufferPointer) {
    let search = JSONSearch(body)
    model = search.string(of: "model") ?? ""
    isStream = search.isTrue("stream")
    includesUsage = isStream && search.isTrue("include_usage")
    includesRunningUsage = includesUsage && search.isTrue("continuous_usage_stats")
    choices = search.number(of: "n") ?? 1
    if let text = search.string(of: "script") {
      script = text
    } else if let user = search.string(of: "user"), user.hasPrefix("script:") {
      script = String(user.dropFirst("script:".count))
    }
  }
}

/// Finds members of a JSON text by their names, wherever they stand. A name inside a string cannot match: its quotes
/// are escaped there.
struct JSONSearch {
  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Where the value of the first member called `name` begins.
  func value(of name: StaticString) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    let count = name.utf8CodeUnitCount
    var at = 0
    // From quote to quote by memchr, which is several times faster than a byte loop.
    while at < bytes.count, let quote = memchr(base + at, 0x22, bytes.count - at) {
      let start = UnsafeRawPointer(quote) - base + 1
      at = start
      guard start + count < bytes.count, memcmp(base + start, name.utf8Start, count) == 0,
        bytes[start + count] == UInt8(ascii: "\"")
      else { continue }
      let colon = skipSpace(start + count + 1)
      guard colon < bytes.count, bytes[colon] == UInt8(ascii: ":") else { continue }
      let value = skipSpace(colon + 1)
      return value < bytes.count ? value : nil
    }
    return nil
  }

  func isTrue(_ name: StaticString) -> Bool {
    guard let at = value(of: name) else { return false }
    return bytes[at...].starts(with: "true".utf8)
  }

  func number(of name: StaticString) -> Int? {
    guard let at = value(of: name) else { return nil }
    return Int(String(decoding: bytes[at...].prefix(12).prefix { 48...57 ~= $0 }, as: UTF8.self))
  }

  /// The string that is the member's value, escapes resolved.
  func string(of name: StaticString) -> String? {
    guard let at = value(of: name), bytes[at] == UInt8(ascii: "\"") else { return nil }
    var text: [UInt8] = []
    var position = at + 1
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
      if byte == UInt8(ascii: "\\") {
        position += 1
        guard position < bytes.count else { return nil }
        appendEscaped(&position, to: &text)
      } else {
        text.append(byte)
      }
      position += 1
    }
    return nil
  }

  private func appendEscaped(_ position: inout Int, to text: inout [UInt8]) {
    switch bytes[position] {
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u") where position + 4 < bytes.count:
      let digits = String(decoding: bytes[position + 1...position + 4], as: UTF8.self)
      let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) ?? "\u{FFFD}"
      text.append(contentsOf: String(scalar).utf8)
      position += 4
    default: text.append(bytes[position])
    }
  }

  func skipSpace(_ start: Int) -> Int {
    var at = start
    while at < bytes.count, bytes[at] == 32 || bytes[at] == 10 || bytes[at] == 13 || bytes[at] == 9 { at += 1 }
    return at
  }
}
