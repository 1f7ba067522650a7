/// Reads a request body of the OpenAI family in one pass, in place.
///
/// Only the top level is looked at (and `include_usage` one below), but the whole document is validated: whatever is
/// let through reads the same in every correct JSON parser behind us.
public struct RequestScanner {
  /// How many answers one request may ask for, as OpenAI bounds it.
  public static let choicesRange = 1...128

  private var fields = RequestFields()
  private let acting: RequestFieldSet
  /// The bits of the fields seen.
  private var seen: UInt32 = 0

  private init(_ acting: RequestFieldSet) { self.acting = acting }

  /// The fields of `body`.
  ///
  /// - Parameter acting: the fields to look for; others are not judged.
  /// - Throws: `JSONScanError` when the body is not one valid JSON object, gives a field twice (also when one spelling
  ///   is escaped), gives one a type it cannot have, or spells one in other letters: Go's `encoding/json`, for one, takes
  ///   `Model` for `model`, and the last of both.
  public static func scan(
    _ body: RawSpan, acting: RequestFieldSet = .all, limits: JSONLimits = JSONLimits()
  ) throws(JSONScanError) -> RequestFields {
    try body.withUnsafeBytes { buffer throws(JSONScanError) in
      guard let base = buffer.baseAddress else { throw JSONScanError(offset: 0, reason: .empty) }
      var cursor = JSONCursor(base, count: buffer.count, limits: limits)
      var scanner = RequestScanner(acting)
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
      guard let field = RequestScanner.field(member.key), acting.has(field) else {
        return try takeOther(member, &cursor)
      }
      try claim(field, member.start)
      try take(field, &cursor)
    }
    try cursor.expectEnd()
  }

  private mutating func claim(_ field: RequestField, _ offset: Int) throws(JSONScanError) {
    let bit = field.bit
    guard seen & bit == 0 else { throw JSONScanError(offset: offset, reason: .duplicateKey(field)) }
    seen |= bit
  }

  /// A member that is not acted on: it may be one in disguise, or name a model as well.
  @inline(__always)
  private mutating func takeOther(
    _ member: JSONCursor.Member, _ cursor: inout JSONCursor
  ) throws(JSONScanError) {
    if member.key.mayBeDisguised, let name = disguised(member.key) {
      throw JSONScanError(offset: member.start, reason: .otherCase(of: name))
    }
    guard let naming = ModelNamingMember(member.key) else { return try cursor.skipValue() }
    if try naming.names(at: &cursor), fields.otherModels == nil { fields.otherModels = naming }
  }

  /// The field that a reader without regard for case would take the key for.
  @inline(never)
  private func disguised(_ key: JSONKey) -> String? {
    let folded = key.folded
    let field = RequestField.allCases.first {
      $0 != .includeUsage && acting.has($0) && folded == Array($0.rawValue.utf8)
    }
    let name = field?.rawValue ?? ModelNamingMember.allCases.first { folded == Array($0.rawValue.utf8) }?.rawValue
    // A key with escapes may well be the exact name.
    return name.flatMap { key.equals($0) ? nil : $0 }
  }

  private mutating func take(_ field: RequestField, _ cursor: inout JSONCursor) throws(JSONScanError) {
    switch field {
    case .model: fields.model = try readString(&cursor, field)
    case .stream: fields.stream = try readBoolean(&cursor, field)
    case .includeUsage:
      let start = cursor.position
      fields.includeUsage = try readBoolean(&cursor, field)
      fields.includeUsageRange = start..<cursor.position
    case .streamOptions: try takeStreamOptions(&cursor)
    case .maxTokens: fields.maxTokens = try readTokenBound(&cursor, field)
    case .maxCompletionTokens: fields.maxCompletionTokens = try readTokenBound(&cursor, field)
    case .maxOutputTokens: fields.maxOutputTokens = try readTokenBound(&cursor, field)
    case .n: fields.n = try readChoices(&cursor, field)
    case .bestOf: fields.bestOf = try readChoices(&cursor, field)
    case .tools: fields.tools = try readAny(&cursor)
    case .functions: fields.functions = try readAny(&cursor)
    case .responseFormat: fields.responseFormat = try readAny(&cursor)
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
    guard bound == nil else { return bound }
    let null = start..<cursor.position
    switch field {
    case .maxCompletionTokens: fields.nullMaxCompletionTokens = null
    case .maxOutputTokens: fields.nullMaxOutputTokens = null
    default: fields.nullMaxTokens = null
    }
    return nil
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
        guard member.key.matches("include_usage") else {
          if member.key.mayBeDisguised, member.key.folded == Array("include_usage".utf8) {
            throw JSONScanError(offset: member.start, reason: .otherCase(of: RequestField.includeUsage.rawValue))
          }
          return try cursor.skipValue()
        }
        try claim(.includeUsage, member.start)
        try take(.includeUsage, &cursor)
      }
    }
    fields.streamOptions = start..<cursor.position
  }

  // MARK: - Typed values

  private func readString(
    _ cursor: inout JSONCursor, _ field: RequestField
  ) throws(JSONScanError) -> JSONStringRange? {
    if cursor.byte == UInt8(ascii: "n") {
      try cursor.skipLiteral("null")
      return nil
    }
    guard cursor.byte == UInt8(ascii: "\"") else { throw wrongType(cursor, field, .string) }
    return try cursor.readStringRange()
  }

  private func readBoolean(
    _ cursor: inout JSONCursor, _ field: RequestField
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
    default: throw wrongType(cursor, field, .boolean)
    }
  }

  private func readInteger(
    _ cursor: inout JSONCursor, _ field: RequestField, _ expected: JSONScanError.Expectation = .integer
  ) throws(JSONScanError) -> JSONInteger? {
    if cursor.byte == UInt8(ascii: "n") {
      try cursor.skipLiteral("null")
      return nil
    }
    guard cursor.isAtNumber else { throw wrongType(cursor, field, expected) }
    let start = cursor.position
    try cursor.skipNumber()
    guard let value = cursor.integer(at: start..<cursor.position) else {
      throw JSONScanError(offset: start, reason: .wrongType(field, expected: expected))
    }
    return JSONInteger(value: value, range: start..<cursor.position)
  }

  /// A number of answers, the only bound that it needs anywhere: what comes out of here is safe to count with.
  private func readChoices(
    _ cursor: inout JSONCursor, _ field: RequestField
  ) throws(JSONScanError) -> JSONInteger? {
    guard let count = try readInteger(&cursor, field, .choiceCount) else { return nil }
    guard RequestScanner.choicesRange.contains(count.value) else {
      throw JSONScanError(offset: count.range.lowerBound, reason: .wrongType(field, expected: .choiceCount))
    }
    return count
  }

  private func readAny(_ cursor: inout JSONCursor) throws(JSONScanError) -> Range<Int> {
    let start = cursor.position
    try cursor.skipValue()
    return Range(uncheckedBounds: (start, cursor.position))
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
    case 5: key.matches("model") ? .model : key.matches("tools") ? .tools : key.matches("input") ? .input : nil
    case 6: key.matches("stream") ? .stream : key.matches("prompt") ? .prompt : key.matches("system") ? .system : nil
    case 7: key.matches("best_of") ? .bestOf : nil
    case 8: key.matches("messages") ? .messages : nil
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
