/// Reads a request body of the OpenAI family in one pass, in place.
///
/// Only the top level is looked at (and `include_usage` one below), but the whole document is validated: whatever is
/// let through reads the same in every correct JSON parser behind us.
public struct RequestScanner {
  private var fields = RequestFields()
  /// One bit per field seen, by its place in `bit(_:)`.
  private var seen: UInt32 = 0

  private init() {}

  /// The fields of `body`.
  ///
  /// - Throws: `JSONScanError` when the body is not one valid JSON object, gives a field twice (also when one spelling
  ///   is escaped), or gives one a type it cannot have.
  public static func scan(
    _ body: RawSpan, limits: JSONLimits = JSONLimits()
  ) throws(JSONScanError) -> RequestFields {
    try body.withUnsafeBytes { buffer throws(JSONScanError) in
      guard let base = buffer.baseAddress else { throw JSONScanError(offset: 0, reason: .empty) }
      var cursor = JSONCursor(base, count: buffer.count, limits: limits)
      var scanner = RequestScanner()
      try scanner.scan(&cursor)
      return scanner.fields
    }
  }

  private mutating func scan(_ cursor: inout JSONCursor) throws(JSONScanError) {
    cursor.skipWhitespace()
    guard cursor.byte == UInt8(ascii: "{") else {
      if cursor.position == cursor.end { throw cursor.refusal(.empty) }
      throw cursor.refusal(cursor.byte == 0xEF ? .byteOrderMark : .notAnObject)
    }
    fields.insertionOffset = cursor.position &+ 1
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      fields.isEmptyObject = false
      guard let field = RequestScanner.field(member.key) else { return try cursor.skipValue() }
      try claim(field, member.start)
      try take(field, &cursor)
    }
    try cursor.expectEnd()
  }

  private mutating func claim(_ field: RequestField, _ offset: Int) throws(JSONScanError) {
    let bit: UInt32 = 1 &<< RequestScanner.bit(field)
    guard seen & bit == 0 else { throw JSONScanError(offset: offset, reason: .duplicateKey(field)) }
    seen |= bit
  }

  private mutating func take(_ field: RequestField, _ cursor: inout JSONCursor) throws(JSONScanError) {
    switch field {
    case .model: fields.model = try readString(&cursor, field, .string)
    case .user: fields.user = try readString(&cursor, field, .stringOrNull)
    case .stream: fields.stream = try readBoolean(&cursor, field)
    case .includeUsage:
      let start = cursor.position
      fields.includeUsage = try readBoolean(&cursor, field)
      fields.includeUsageRange = start..<cursor.position
    case .streamOptions: try takeStreamOptions(&cursor)
    case .maxTokens: fields.maxTokens = try readTokenBound(&cursor, field)
    case .maxCompletionTokens: fields.maxCompletionTokens = try readTokenBound(&cursor, field)
    case .maxOutputTokens: fields.maxOutputTokens = try readTokenBound(&cursor, field)
    case .n: fields.n = try readInteger(&cursor, field)
    case .tools:
      let range = try readContainer(&cursor, field, UInt8(ascii: "["), .array)
      fields.tools = range
      fields.hasTools = fields.hasTools || isFilledArray(cursor, range)
    case .functions:
      let range = try readContainer(&cursor, field, UInt8(ascii: "["), .array)
      fields.functions = range
      fields.hasTools = fields.hasTools || isFilledArray(cursor, range)
    case .responseFormat: try takeResponseFormat(&cursor)
    case .metadata: fields.metadata = try readContainer(&cursor, field, UInt8(ascii: "{"), .object)
    case .logprobs: try takeLogprobs(&cursor)
    case .messages: fields.messages = try readAny(&cursor)
    case .prompt: fields.prompt = try readAny(&cursor)
    case .input: fields.input = try readAny(&cursor)
    case .system: fields.system = try readAny(&cursor)
    case .instructions: fields.instructions = try readAny(&cursor)
    }
  }

  private mutating func readTokenBound(
    _ cursor: inout JSONCursor, _ field: RequestField
  ) throws(JSONScanError) -> JSONInteger? {
    let start = cursor.position
    let bound = try readInteger(&cursor, field)
    if bound == nil, fields.nullTokenBound == nil { fields.nullTokenBound = start..<cursor.position }
    return bound
  }

  private mutating func takeStreamOptions(_ cursor: inout JSONCursor) throws(JSONScanError) {
    let start = cursor.position
    if cursor.byte == UInt8(ascii: "n") {
      try cursor.skipLiteral("null")
      fields.streamOptionsIsNull = true
    } else {
      guard cursor.byte == UInt8(ascii: "{") else { throw wrongType(cursor, .streamOptions, .object) }
      fields.streamOptionsIsEmpty = true
      try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
        fields.streamOptionsIsEmpty = false
        guard member.key.matches("include_usage") else { return try cursor.skipValue() }
        try claim(.includeUsage, member.start)
        try take(.includeUsage, &cursor)
      }
    }
    fields.streamOptions = start..<cursor.position
  }

  private mutating func takeResponseFormat(_ cursor: inout JSONCursor) throws(JSONScanError) {
    let start = cursor.position
    switch cursor.byte {
    case UInt8(ascii: "n"): try cursor.skipLiteral("null")
    case UInt8(ascii: "\""):
      fields.responseFormatIsText = false
      try cursor.skipValue()
    case UInt8(ascii: "{"):
      fields.responseFormatIsText = false
      try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
        guard member.key.matches("type"), cursor.byte == UInt8(ascii: "\"") else { return try cursor.skipValue() }
        let value = try cursor.readStringRange()
        let contents = value.contents
        fields.responseFormatIsText = JSONKey(
          cursor.base, start: contents.lowerBound, count: contents.count, end: cursor.end
        ).matches("text")
      }
    default: throw wrongType(cursor, .responseFormat, .objectOrString)
    }
    fields.responseFormat = start..<cursor.position
  }

  private mutating func takeLogprobs(_ cursor: inout JSONCursor) throws(JSONScanError) {
    if cursor.isAtNumber {
      let start = cursor.position
      try cursor.skipNumber()
      guard cursor.integer(at: start..<cursor.position) != nil else {
        throw JSONScanError(offset: start, reason: .wrongType(.logprobs, expected: .booleanOrInteger))
      }
      fields.logprobs = true
    } else {
      fields.logprobs = try readBoolean(&cursor, .logprobs, .booleanOrInteger) ?? false
    }
  }

  // MARK: - Typed values

  private func readString(
    _ cursor: inout JSONCursor, _ field: RequestField, _ expected: JSONScanError.Expectation
  ) throws(JSONScanError) -> JSONStringRange? {
    if expected == .stringOrNull, cursor.byte == UInt8(ascii: "n") {
      try cursor.skipLiteral("null")
      return nil
    }
    guard cursor.byte == UInt8(ascii: "\"") else { throw wrongType(cursor, field, expected) }
    return try cursor.readStringRange()
  }

  private func readBoolean(
    _ cursor: inout JSONCursor, _ field: RequestField, _ expected: JSONScanError.Expectation = .boolean
  ) throws(JSONScanError) -> Bool? {
    switch cursor.byte {
    case UInt8(ascii: "t"):
      try cursor.skipLiteral("true")
      return true
    case UInt8(ascii: "f"):
      try cursor.skipLiteral("false")
      return false
    case UInt8(ascii: "n"):
      try cursor.skipLiteral("null")
      return nil
    default: throw wrongType(cursor, field, expected)
    }
  }

  private func readInteger(
    _ cursor: inout JSONCursor, _ field: RequestField
  ) throws(JSONScanError) -> JSONInteger? {
    if cursor.byte == UInt8(ascii: "n") {
      try cursor.skipLiteral("null")
      return nil
    }
    guard cursor.isAtNumber else { throw wrongType(cursor, field, .integer) }
    let start = cursor.position
    try cursor.skipNumber()
    guard let value = cursor.integer(at: start..<cursor.position) else {
      throw JSONScanError(offset: start, reason: .wrongType(field, expected: .integer))
    }
    return JSONInteger(value: value, range: start..<cursor.position)
  }

  private func readContainer(
    _ cursor: inout JSONCursor, _ field: RequestField, _ bracket: UInt8, _ expected: JSONScanError.Expectation
  ) throws(JSONScanError) -> Range<Int> {
    guard cursor.byte == bracket || cursor.byte == UInt8(ascii: "n") else { throw wrongType(cursor, field, expected) }
    return try readAny(&cursor)
  }

  private func readAny(_ cursor: inout JSONCursor) throws(JSONScanError) -> Range<Int> {
    let start = cursor.position
    try cursor.skipValue()
    return Range(uncheckedBounds: (start, cursor.position))
  }

  private func isFilledArray(_ cursor: JSONCursor, _ range: Range<Int>) -> Bool {
    var inside = cursor
    inside.position = range.lowerBound
    guard inside.byte == UInt8(ascii: "[") else { return false }
    inside.position &+= 1
    inside.skipWhitespace()
    return inside.byte != UInt8(ascii: "]")
  }

  private func wrongType(
    _ cursor: JSONCursor, _ field: RequestField, _ expected: JSONScanError.Expectation
  ) -> JSONScanError {
    // A byte that starts no value at all is broken JSON rather than a wrong type.
    switch cursor.byte {
    case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""), UInt8(ascii: "t"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      cursor.refusal(.wrongType(field, expected: expected))
    default: cursor.unexpected()
    }
  }

  // MARK: - Names

  @inline(__always)
  private static func field(_ key: JSONKey) -> RequestField? {
    switch key.count {
    case 1: key.matches("n") ? .n : nil
    case 4: key.matches("user") ? .user : nil
    case 5: key.matches("model") ? .model : key.matches("tools") ? .tools : key.matches("input") ? .input : nil
    case 6: key.matches("stream") ? .stream : key.matches("prompt") ? .prompt : key.matches("system") ? .system : nil
    case 8:
      key.matches("messages")
        ? .messages : key.matches("metadata") ? .metadata : key.matches("logprobs") ? .logprobs : nil
    case 9: key.matches("functions") ? .functions : nil
    case 10: key.matches("max_tokens") ? .maxTokens : nil
    case 12: key.matches("instructions") ? .instructions : nil
    case 14: key.matches("stream_options") ? .streamOptions : nil
    case 15: key.matches("response_format") ? .responseFormat : nil
    case 17: key.matches("max_output_tokens") ? .maxOutputTokens : nil
    case 21: key.matches("max_completion_tokens") ? .maxCompletionTokens : nil
    default: nil
    }
  }

  private static func bit(_ field: RequestField) -> UInt32 {
    switch field {
    case .model: 0
    case .stream: 1
    case .streamOptions: 2
    case .includeUsage: 3
    case .maxTokens: 4
    case .maxCompletionTokens: 5
    case .maxOutputTokens: 6
    case .n: 7
    case .tools: 8
    case .functions: 9
    case .responseFormat: 10
    case .user: 11
    case .metadata: 12
    case .logprobs: 13
    case .messages: 14
    case .prompt: 15
    case .input: 16
    case .system: 17
    case .instructions: 18
    }
  }
}

extension JSONCursor {
  /// Reads the string at the cursor.
  @inline(__always)
  mutating func readStringRange() throws(JSONScanError) -> JSONStringRange {
    let start = position
    let hasEscapes = try skipString()
    return JSONStringRange(range: Range(uncheckedBounds: (start, position)), hasEscapes: hasEscapes)
  }
}
