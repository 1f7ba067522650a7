/// Reads a chunk of an answer in one pass, in place: `chat.completion.chunk`, the older `text_completion`, and whole
/// bodies of `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`.
///
/// Upstreams are not trusted either: the document is validated as a request is, and what is broken is told as
/// `isMalformed`, never thrown.
public struct ChunkScanner {
  var fields = ChunkFields()
  private var hasUsageMember = false
  private var hasErrorMember = false

  init() {}

  /// The fields of `data`, the joined data of one event or a whole body.
  public static func scan(_ data: RawSpan, limits: JSONLimits = .answer) -> ChunkFields {
    var scanner = ChunkScanner()
    data.withUnsafeBytes { scanner.scan($0, limits) }
    return scanner.fields
  }

  /// The usage of a whole answer, found without reading what stands around it: an answer is long, its usage short, and nothing else of it is
  /// needed. The last member of that name counts.
  ///
  /// Text cannot imitate it: inside a string the quotes of `"usage":` would be escaped.
  public static func usage(ofAnswer data: RawSpan) -> TokenUsage? {
    let found = data.withUnsafeBytes { buffer in
      lastMember("\"usage\"", in: buffer) { (cursor) throws(JSONScanError) in try cursor.readUsage() }
        ?? lastMember("\"usageMetadata\"", in: buffer) { (cursor) throws(JSONScanError) in try cursor.readGeminiUsage()
        }
        // Cohere's `meta.billed_units` and `meta.tokens`, and those of services that speak its form.
        ?? lastMember("\"billed_units\"", in: buffer) { (cursor) throws(JSONScanError) in try cursor.readUsage() }
        ?? lastMember("\"tokens\"", in: buffer) { (cursor) throws(JSONScanError) in try cursor.readUsage() }
    }
    return found?.withTotalAsPrompt
  }

  /// The length of a sound that a whole answer tells, in seconds: `usage` of the type `duration`, or the `duration` of a verbose transcription.
  public static func seconds(ofAnswer data: RawSpan) -> Int? {
    data.withUnsafeBytes { buffer in
      lastMember("\"seconds\"", in: buffer) { (cursor) throws(JSONScanError) in try cursor.secondsOrSkip() }
        ?? lastMember("\"duration\"", in: buffer) { (cursor) throws(JSONScanError) in try cursor.secondsOrSkip() }
    }
  }

  /// How many pictures an answer brings: elements of its `data`.
  public static func pictures(ofAnswer data: RawSpan) -> Int? {
    data.withUnsafeBytes { buffer in
      lastMember("\"data\"", in: buffer) { (cursor) throws(JSONScanError) in
        guard cursor.byte == UInt8(ascii: "[") else { return nil }
        var count = 0
        try cursor.forEachElement { (cursor) throws(JSONScanError) in
          count += 1
          try cursor.skipValue()
        }
        return count
      }
    }
  }

  /// What the last member of that name, quotes included, holds.
  private static func lastMember<Value>(
    _ name: StaticString, in buffer: UnsafeRawBufferPointer,
    _ read: (inout JSONCursor) throws(JSONScanError) -> Value?
  ) -> Value? {
    guard let base = buffer.baseAddress else { return nil }
    var before = buffer.count
    while let start = QuotedName.last(name, in: UnsafeRawBufferPointer(start: base, count: before)) {
      before = start
      guard start > 0, buffer[start - 1] != UInt8(ascii: "\\") else { continue }
      let from = start + name.utf8CodeUnitCount
      var cursor = JSONCursor(base + from, count: buffer.count - from, limits: .answer)
      do throws(JSONScanError) {
        cursor.skipWhitespace()
        guard cursor.byte == UInt8(ascii: ":") else { continue }
        cursor.position &+= 1
        cursor.skipWhitespace()
        if let found = try read(&cursor) { return found }
      } catch {
        // It was no member, or a broken one.
      }
    }
    return nil
  }

  /// Whether the data is exactly `[DONE]`, the end of an OpenAI stream.
  public static func isDone(_ data: RawSpan) -> Bool {
    guard data.byteCount == 6 else { return false }
    return data.withUnsafeBytes { buffer in
      buffer.loadUnaligned(as: UInt32.self) == UInt32(littleEndian: 0x4E4F_445B)  // [DON
        && buffer.loadUnaligned(fromByteOffset: 4, as: UInt16.self) == UInt16(littleEndian: 0x5D45)  // E]
    }
  }

  private mutating func scan(_ buffer: UnsafeRawBufferPointer, _ limits: JSONLimits) {
    guard let base = buffer.baseAddress else {
      fields.isMalformed = true
      return
    }
    var cursor = JSONCursor(base, count: buffer.count, limits: limits)
    do throws(JSONScanError) {
      try scan(&cursor)
    } catch {
      fields.isMalformed = true
    }
  }

  @inline(__always)
  private mutating func scan(_ cursor: inout JSONCursor) throws(JSONScanError) {
    cursor.skipWhitespace()
    guard cursor.byte == UInt8(ascii: "{") else { throw cursor.unexpected() }
    // The end of the member before: where the comma stands, or the opening brace for the first member.
    var before = cursor.position &+ 1
    var isFirst = true
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      switch key.count {
      case 7 where key.matches("choices"): try takeChoices(&cursor)
      case 7 where key.matches("created"): fields.created = try cursor.integerOrSkip()
      case 2 where key.matches("id"): fields.id = try cursor.stringRangeOrSkip()
      case 5 where key.matches("model"): fields.model = try cursor.stringRangeOrSkip()
      case 5 where key.matches("error"): try takeError(&cursor)
      case 5 where key.matches("usage"):
        guard !hasUsageMember else { throw cursor.unexpected() }
        hasUsageMember = true
        take(try cursor.readUsage())
        fields.usageMember = Self.memberRange(cursor, member.start, before: before, isFirst: isFirst)
      // Gemini's own form, which some gateways pass on inside OpenAI's.
      case 13 where key.matches("usageMetadata"): take(try cursor.readGeminiUsage())
      default: try cursor.skipValue()
      }
      isFirst = false
      before = cursor.position
    }
    try cursor.expectEnd()
  }

  mutating func take(_ usage: TokenUsage?) {
    guard let usage else { return }
    if fields.usage == nil { fields.usage = usage } else { fields.usage?.merge(usage) }
  }

  /// The member from the comma before it, or, for the first one, to the comma behind it.
  private static func memberRange(_ cursor: JSONCursor, _ start: Int, before: Int, isFirst: Bool) -> Range<Int> {
    var after = cursor
    if isFirst {
      after.skipWhitespace()
      return start..<(after.byte == UInt8(ascii: ",") ? after.position &+ 1 : cursor.position)
    }
    // Only whitespace stands between the value before and its comma.
    after.position = before
    after.skipWhitespace()
    return after.position..<cursor.position
  }

  mutating func takeError(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard !hasErrorMember else { throw cursor.unexpected() }
    hasErrorMember = true
    let start = cursor.position
    let isNull = cursor.byte == UInt8(ascii: "n")
    try cursor.skipValue()
    if !isNull { fields.error = start..<cursor.position }
  }
}
