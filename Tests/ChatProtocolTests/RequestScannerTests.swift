import ChatProtocol
import Testing

@Suite("Reading a request")
struct RequestScannerTests {
  private func scan(_ text: String) throws -> RequestFields {
    try RequestScanner.scan(Array(text.utf8).span.bytes)
  }

  private static let members = [
    #""model":"deepseek-r1""#, #""stream" : true"#, #""stream_options":{"x":[1],"include_usage":true}"#,
    #""max_tokens":128"#, #""max_completion_tokens": 256"#, #""n":2"#, #""tools":[{"type":"function"}]"#,
    #""response_format":{"type":"json_object"}"#, #""user":"u-1""#, #""metadata":{"a":"b"}"#, #""logprobs":true"#,
    #""messages":[{"role":"user","content":"model: \"stream\""}]"#, #""temperature":0.7"#, #""unknown":{"model":"no"}"#,
  ]

  @Test("every field is found in every position", arguments: 0..<14)
  func rotations(shift: Int) throws {
    let members = Self.members[shift...] + Self.members[..<shift]
    for separator in [",", ", ", " ,\n  "] {
      let text = " {" + members.joined(separator: separator) + "} "
      let fields = try scan(text)
      #expect(string(fields.model, in: text) == "deepseek-r1")
      #expect(slice(text, fields.model?.range) == #""deepseek-r1""#)
      #expect(fields.stream == true && fields.isStream)
      #expect(slice(text, fields.streamOptions) == #"{"x":[1],"include_usage":true}"#)
      #expect(fields.includeUsage == true && slice(text, fields.includeUsageRange) == "true" && fields.asksForUsage)
      #expect(fields.maxTokens?.value == 128 && slice(text, fields.maxTokens?.range) == "128")
      #expect(fields.maxCompletionTokens?.value == 256 && fields.tokensMax == 128)
      #expect(fields.n?.value == 2)
      #expect(fields.hasTools && slice(text, fields.tools) == #"[{"type":"function"}]"#)
      #expect(slice(text, fields.responseFormat) == #"{"type":"json_object"}"# && !fields.responseFormatIsText)
      #expect(slice(text, fields.user?.contents) == "u-1")
      #expect(slice(text, fields.metadata) == #"{"a":"b"}"#)
      #expect(fields.logprobs)
      #expect(slice(text, fields.messages) == #"[{"role":"user","content":"model: \"stream\""}]"#)
      #expect(fields.insertionOffset == 2 && !fields.isEmptyObject)
    }
  }

  @Test("an empty object has no fields")
  func empty() throws {
    let fields = try scan("{ }")
    #expect(fields.isEmptyObject && fields.insertionOffset == 1 && fields.model == nil && fields.responseFormatIsText)
  }

  @Test("null is as good as absent, except for the model")
  func nulls() throws {
    let fields = try scan(
      #"{"stream":null,"stream_options":null,"max_tokens":null,"n":null,"tools":null,"user":null,"metadata":null,"logprobs":null,"response_format":null}"#
    )
    #expect(fields.stream == nil && !fields.isStream && fields.streamOptionsIsNull && fields.maxTokens == nil)
    #expect(
      fields.n == nil && !fields.hasTools && fields.user == nil && !fields.logprobs && fields.responseFormatIsText)
    #expect(
      refusal(#"{"model":null}"#) == JSONScanError(offset: 9, reason: .wrongType(.model, expected: .string)))
  }

  @Test("keys are compared after their escapes are resolved")
  func escapedKeys() throws {
    let text = #"{"mod\u0065l":"a\u00e9\ud83d\ude00\n\/","\u0073tream":true,"max_completion_toke\u006es":5}"#
    let fields = try scan(text)
    #expect(fields.model?.hasEscapes == true)
    #expect(string(fields.model, in: text) == "aé😀\n/")
    let equals = fields.model?.equals(Array("aé😀\n/".utf8), in: Array(text.utf8).span.bytes)
    #expect(equals == true)
    #expect(fields.stream == true && fields.maxCompletionTokens?.value == 5)
    #expect(
      try scan(#"{"model\u0000":1,"\u006d\u006f":1,"modelmodelmodelmodelmodelmodelmodelmodel\u0041":1}"#).model == nil)
  }

  @Test(
    "a field given twice is refused at its second place",
    arguments: [
      (#"{"model":"a","model":"b"}"#, 13, RequestField.model), (#"{"model":"a","mod\u0065l":"b"}"#, 13, .model),
      (#"{"stream":true,"stream":true}"#, 15, .stream), (#"{"n":1,"x":{"n":2},"n":1}"#, 19, .n),
      (#"{"stream_options":{},"stream_options":{}}"#, 21, .streamOptions),
      (#"{"stream_options":{"include_usage":true,"include_usag\u0065":false}}"#, 40, .includeUsage),
      (#"{"messages":[],"messages":[]}"#, 15, .messages), (#"{"tools":null,"tools":[]}"#, 14, .tools),
      (#"{"max_tokens":null,"max_tokens":1}"#, 19, .maxTokens), (#"{"user":"a","user":"a"}"#, 12, .user),
    ])
  func duplicates(text: String, offset: Int, field: RequestField) {
    let error = refusal(text)
    #expect(error == JSONScanError(offset: offset, reason: .duplicateKey(field)))
    #expect(error?.param == field.rawValue)
  }

  @Test("other keys may come twice, as JSON allows")
  func harmlessDuplicates() {
    #expect(refusal(#"{"seed":1,"seed":2,"x":{"model":1,"model":2}}"#) == nil)
  }

  @Test(
    "a wrong type is refused with the field's name",
    arguments: [
      (#"{"model":1}"#, RequestField.model, JSONScanError.Expectation.string), (#"{"model":{}}"#, .model, .string),
      (#"{"model":["a"]}"#, .model, .string), (#"{"stream":"true"}"#, .stream, .boolean),
      (#"{"stream":1}"#, .stream, .boolean),
      (#"{"stream_options":true}"#, .streamOptions, .object), (#"{"stream_options":[]}"#, .streamOptions, .object),
      (#"{"stream_options":{"include_usage":1}}"#, .includeUsage, .boolean),
      (#"{"max_tokens":"5"}"#, .maxTokens, .integer),
      (#"{"max_tokens":1.5}"#, .maxTokens, .integer), (#"{"max_tokens":9223372036854775808}"#, .maxTokens, .integer),
      (#"{"max_tokens":1e300}"#, .maxTokens, .integer),
      (#"{"max_completion_tokens":[]}"#, .maxCompletionTokens, .integer),
      (#"{"max_output_tokens":{}}"#, .maxOutputTokens, .integer), (#"{"n":true}"#, .n, .integer),
      (#"{"tools":{}}"#, .tools, .array), (#"{"functions":"f"}"#, .functions, .array),
      (#"{"response_format":5}"#, .responseFormat, .objectOrString), (#"{"user":5}"#, .user, .stringOrNull),
      (#"{"metadata":[]}"#, .metadata, .object), (#"{"logprobs":"5"}"#, .logprobs, .booleanOrInteger),
    ])
  func wrongTypes(text: String, field: RequestField, expected: JSONScanError.Expectation) {
    let error = refusal(text)
    #expect(error?.reason == .wrongType(field, expected: expected))
    #expect(error?.param == field.rawValue)
    #expect(error?.message.contains("'\(field.rawValue)'") == true)
  }

  @Test("broken JSON in a field is told as broken, not as a wrong type")
  func brokenFields() {
    #expect(refusal(#"{"model":}"#) == JSONScanError(offset: 9, reason: .unexpectedByte))
    #expect(refusal(#"{"stream":tru}"#) == JSONScanError(offset: 13, reason: .unexpectedByte))
    #expect(refusal(#"{"max_tokens":01}"#) == JSONScanError(offset: 14, reason: .badNumber))
    #expect(refusal(#"{"model":"#) == JSONScanError(offset: 9, reason: .truncated))
  }

  @Test(
    "whole numbers in every spelling",
    arguments: [
      ("0", 0), ("-0", 0), ("-1", -1), ("1e3", 1000), ("2.0", 2), ("12.5e1", 125), ("9223372036854775807", Int.max),
      ("-9223372036854775808", Int.min),
    ])
  func integers(text: String, value: Int) throws {
    #expect(try scan(#"{"max_tokens":\#(text)}"#).maxTokens?.value == value)
  }

  @Test("tools, formats and probabilities as the endpoints spell them")
  func variants() throws {
    #expect(try !scan(#"{"tools":[ ]}"#).hasTools)
    #expect(try scan(#"{"functions":[{}],"tools":[]}"#).hasTools)
    #expect(try scan(#"{"response_format":{"a":1,"type":"text"}}"#).responseFormatIsText)
    #expect(try !scan(#"{"response_format":{"type":"json_schema"}}"#).responseFormatIsText)
    #expect(try !scan(#"{"response_format":{}}"#).responseFormatIsText)
    #expect(try !scan(#"{"response_format":"b64_json"}"#).responseFormatIsText)
    #expect(try scan(#"{"logprobs":0}"#).logprobs)
    #expect(try !scan(#"{"logprobs":false}"#).logprobs)
    #expect(try scan(#"{"stream_options":{"include_usage":null}}"#).includeUsageRange == 35..<39)
    #expect(try scan(#"{"prompt":["a"],"input":"b"}"#).input == 24..<27)
  }

  @Test("the message names place and fault")
  func messages() {
    #expect(refusal(#"{"a":"\ud800"}"#)?.message == "invalid JSON at byte 6: lone surrogate in a string")
    #expect(refusal(#"{"model":7}"#)?.message == "invalid value for 'model' at byte 9: expected a string")
  }
}
