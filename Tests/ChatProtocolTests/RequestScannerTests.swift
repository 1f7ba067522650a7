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
      #expect(slice(text, fields.tools) == #"[{"type":"function"}]"#)
      #expect(slice(text, fields.responseFormat) == #"{"type":"json_object"}"#)
      #expect(slice(text, fields.messages) == #"[{"role":"user","content":"model: \"stream\""}]"#)
      #expect(fields.insertionOffset == 2 && !fields.isEmptyObject)
    }
  }

  @Test("an empty object has no fields")
  func empty() throws {
    let fields = try scan("{ }")
    #expect(fields.isEmptyObject && fields.insertionOffset == 1 && fields.model == nil)
  }

  @Test("null is as good as absent")
  func nulls() throws {
    let fields = try scan(
      #"{"stream":null,"stream_options":null,"max_tokens":null,"n":null,"best_of":null,"model":null}"#
    )
    #expect(fields.stream == nil && !fields.isStream && fields.streamOptionsIsNull && fields.maxTokens == nil)
    #expect(fields.n == nil && fields.bestOf == nil && fields.model == nil && fields.choiceCount == 1)
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
    #expect(try scan(#"{"\u006d\u006f":1,"modelmodelmodelmodelmodelmodelmodelmodel\u0041":1}"#).model == nil)
  }

  @Test(
    "a field given twice is refused at its second place",
    arguments: [
      (#"{"model":"a","model":"b"}"#, 13, RequestField.model), (#"{"model":"a","mod\u0065l":"b"}"#, 13, .model),
      (#"{"stream":true,"stream":true}"#, 15, .stream), (#"{"n":1,"x":{"n":2},"n":1}"#, 19, .n),
      (#"{"stream_options":{},"stream_options":{}}"#, 21, .streamOptions),
      (#"{"stream_options":{"include_usage":true,"include_usag\u0065":false}}"#, 40, .includeUsage),
      (#"{"messages":[],"messages":[]}"#, 15, .messages), (#"{"tools":null,"tools":[]}"#, 14, .tools),
      (#"{"max_tokens":null,"max_tokens":1}"#, 19, .maxTokens),
    ])
  func duplicates(text: String, offset: Int, field: RequestField) {
    let error = refusal(text)
    #expect(error == JSONScanError(offset: offset, reason: .duplicateKey(field)))
    #expect(error?.param == field.rawValue)
  }

  @Test("other keys may come twice, as JSON allows")
  func harmlessDuplicates() {
    #expect(refusal(#"{"seed":1,"seed":2,"x":{"model":1,"model":2}}"#) == nil)
    #expect(refusal(#"{"user":"a","user":"a","metadata":{},"metadata":1}"#) == nil)
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
      (#"{"max_output_tokens":{}}"#, .maxOutputTokens, .integer), (#"{"n":true}"#, .n, .choiceCount),
      (#"{"n":-1}"#, .n, .choiceCount), (#"{"n":0}"#, .n, .choiceCount), (#"{"n":129}"#, .n, .choiceCount),
      (#"{"n":1.5}"#, .n, .choiceCount), (#"{"n":"2"}"#, .n, .choiceCount), (#"{"n":1e300}"#, .n, .choiceCount),
      (#"{"n":-9223372036854775808}"#, .n, .choiceCount), (#"{"n":9223372036854775807}"#, .n, .choiceCount),
      (#"{"n":99999999999999999999999999}"#, .n, .choiceCount), (#"{"best_of":0}"#, .bestOf, .choiceCount),
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

  @Test(
    "what the gateway does not act on may hold anything",
    arguments: ["5", "-1", "\"x\"", "[]", "{}", "null", "true", "[{\"a\":[1]}]", "1e300"])
  func notJudged(value: String) throws {
    let names = [
      "metadata", "user", "logprobs", "response_format", "tools", "functions", "messages", "prompt", "input", "system",
      "instructions", "seed", "stop", "temperature", "modalities", "verbosity",
    ]
    for name in names { #expect(refusal("{\"model\":\"m\",\"\(name)\":\(value)}") == nil, "\(name)") }
    for name in ["n", "max_tokens", "stream_options", "best_of"] {
      let body = Array("{\"model\":\"m\",\"\(name)\":\(value),\"\(name)\":1}".utf8)
      #expect(throws: Never.self, "\(name)") { try RequestScanner.scan(body.span.bytes, acting: .embedding) }
    }
  }

  @Test("options and texts are found where they stand")
  func variants() throws {
    #expect(try scan(#"{"stream_options":{"include_usage":null}}"#).includeUsageRange == 35..<39)
    #expect(try scan(#"{"prompt":["a"],"input":"b"}"#).input == 24..<27)
    #expect(try scan(#"{"n":128,"best_of":5}"#).generatedCount == 128)
    #expect(try scan(#"{"n":2,"best_of":5}"#).generatedCount == 5)
    #expect(try scan(#"{"max_tokens":-1,"max_completion_tokens":7}"#).tokensMax == 7)
    #expect(try scan(#"{"max_tokens":-1}"#).tokensMax == nil)
  }

  @Test(
    "a name that a reader without regard for case takes for a known one is refused",
    arguments: [
      ("Model", "model"), ("MODEL", "model"), ("mod\\u0045l", "model"), ("\\u004dodel", "model"), ("\u{212A}", nil),
      ("Stream", "stream"), ("\u{17F}tream", "stream"), ("\\u017ftream", "stream"), ("N", "n"), ("\\u004e", "n"),
      ("MAX_TOKENS", "max_tokens"), ("max_to\u{212A}ens", "max_tokens"), ("max_to\\u212aen\\u017f", "max_tokens"),
      ("Max_Completion_Tokens", "max_completion_tokens"), ("max_Output_tokens", "max_output_tokens"),
      ("Stream_Options", "stream_options"), ("Messages", "messages"), ("Tools", "tools"), ("Input", "input"),
      ("Best_of", "best_of"), ("Models", "models"), ("Route", "route"), ("Fallbacks", "fallbacks"),
      ("fallbac\u{212A}\u{17F}", "fallbacks"), ("\u{131}nput", "input"), ("\u{130}nput", "input"),
      ("model\\u0000", "model"), ("Model\\u0000x", "model"), ("EXTRA_BODY", "extra_body"),
    ])
  func otherCase(spelling: String, name: String?) {
    for text in ["{\"model\":\"a\",\"\(spelling)\":null}", "{\"\(spelling)\":1,\"model\":\"a\"}"] {
      let error = refusal(text)
      #expect(error?.reason == name.map { .otherCase(of: $0) }, "\(text)")
      #expect(error?.param == name)
    }
  }

  @Test("names that only look alike pass, as do known ones that are not acted on")
  func notDisguised() throws {
    for name in ["Modell", "Mode", "MaxTokens", "maxOutputTokens", "generationConfig", "é", "\u{212A}", "NN"] {
      #expect(refusal("{\"model\":\"a\",\"\(name)\":1}") == nil, "\(name)")
    }
    let body = Array(#"{"model":"a","Input":1,"N":2,"Stream":3}"#.utf8)
    #expect(throws: Never.self) { try RequestScanner.scan(body.span.bytes, acting: .named) }
    #expect(
      refusal(#"{"stream_options":{"Include_usage":false}}"#)?.reason == .otherCase(of: "stream_options.include_usage"))
  }

  @Test(
    "members that name other models are noted",
    arguments: [
      (#""models":["a","b"]"#, ModelNamingMember.models), (#""route":"fallback""#, .route),
      (#""fallbacks":[{"a":["b"]}]"#, .fallbacks),
      (#""context_window_fallback_dict":{"a":"b"}"#, .contextWindowFallbackDict),
      (#""router_settings_override":{"x":1}"#, .routerSettingsOverride), (#""mod\u0065ls":["a"]"#, .models),
      (#""extra_body":{"models":["b"]}"#, .extraBody), (#""extra_body":{"a":[{"Model":"b"}]}"#, .extraBody),
      (#""plugins":[{"id":"x","model":"b"}]"#, .plugins),
      (#""providerOptions":{"gateway":{"models":["b"]}}"#, .providerOptions),
      (#""extra_body":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}"#, .extraBody),
      (#""lora_path":"x""#, .loraPath),
    ])
  func otherModels(member: String, expected: ModelNamingMember) throws {
    #expect(try scan("{\"model\":\"m\",\(member)}").otherModels == expected)
    #expect(try scan("{\(member),\"model\":\"m\"}").otherModels == expected)
  }

  @Test(
    "members that could name other models and name none are not",
    arguments: [
      #""models":null"#, #""models":[ ]"#, #""route":"""#, #""fallbacks":{}"#, #""fallback":false"#,
      #""extra_body":{"google":{"x":1}}"#,
      #""provider":{"order":["a"],"allow_fallbacks":false}"#, #""plugins":[{"id":"web"}]"#, #""x":{"models":["b"]}"#,
      #""metadata":{"model":"b"}"#, #""tools":[{"type":"function","function":{"parameters":{"model":"b"}}}]"#,
    ])
  func noOtherModels(member: String) throws {
    #expect(try scan("{\"model\":\"m\",\(member)}").otherModels == nil)
  }

  @Test("a tool may name a model of its own")
  func toolModels() throws {
    for (tools, isNamed) in [
      (#"[{"type":"advisor","model":"big"}]"#, true), (#"[{"type":"x","Mod\u0065l":"big"}]"#, true),
      (
        #"[{"type":"function","function":{"name":"f","parameters":{"properties":{"model":{"type":"string"}}}}}]"#, false
      ),
      (#"[{"model":{"a":1}}]"#, false), ("[]", false), ("null", false), ("5", false),
    ] {
      let body = Array("{\"tools\":\(tools)}".utf8)
      let fields = try RequestScanner.scan(body.span.bytes)
      #expect(ModelNamingMember.isNamed(byTools: fields.tools, in: body.span.bytes) == isNamed, "\(tools)")
    }
  }

  @Test("the message names place and fault")
  func messages() {
    #expect(refusal(#"{"a":"\ud800"}"#)?.message == "invalid JSON at byte 6: lone surrogate in a string")
    #expect(refusal(#"{"model":7}"#)?.message == "invalid value for 'model' at byte 9: expected a string")
  }
}
