import ChatProtocol
import TestKit
import Testing

/// What a reader of passing documents says of pieces.
private struct Findings: Equatable {
  var texts: [String: String] = [:]
  var usage: TokenUsage?
  var finishedCount = 0
  var choicesCount = 0
  var dataCount = 0
  var flags: [Bool] = []
  var isComplete = false

  init(_ pieces: [ArraySlice<UInt8>]) {
    var document = PassingDocument()
    var decoders: [String: JSONTextDecoder] = [:]
    var texts: [String: [UInt8]] = [:]
    for piece in pieces {
      let bytes = Array(piece)
      document.take(bytes.span.bytes) { text, part in
        let name = "\(text.choice).\(text.part) \(text.channel)"
        decoders[name, default: JSONTextDecoder()].decode(text.text, in: part) { span in
          #expect(String(validating: span.withUnsafeBytes { Array($0) }, as: UTF8.self) != nil)
          texts[name, default: []] += span.withUnsafeBytes { Array($0) }
        }
      }
    }
    for name in decoders.keys { decoders[name]?.finish { span in texts[name]? += span.withUnsafeBytes { Array($0) } } }
    self.texts = texts.mapValues { String(decoding: $0, as: UTF8.self) }
    usage = document.usage
    finishedCount = document.finishedCount
    choicesCount = document.choicesCount
    dataCount = document.dataCount
    flags = [document.hasContent, document.hasOutput, document.hasData, document.hasError, document.isBroken]
    isComplete = document.isComplete
  }

  init(_ text: String) { self.init([Array(text.utf8)[...]]) }
}

@Suite("A document that passes")
struct PassingDocumentTests {
  private static let samples = [
    #"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hé \"😀\" \ud83d\ude00 \\","reasoning_content":"so\n","refusal":null,"tool_calls":[{"id":"t","function":{"name":"find","arguments":"{\"q\":1}"}},{"function":{"arguments":"ü"}}]},"finish_reason":"stop","logprobs":{"content":[{"token":"H"}]}},{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"b"}]},"finish_reason":null}],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4}}}"#,
    #"{"choices":[{"text":" a","finish_reason":"null"},{"text":"b","finish_reason":""},7],"error":null} "#,
    #"{"choices":[{"message":{"reasoning":"a","reasoning_details":[{"text":"a"}]}},{"message":{"reasoning_details":[{"text":"a"},{"summary":"b"}],"thinking_blocks":[{"thinking":"ab"}]}}]}"#,
    #"{"type":"message","content":[{"type":"thinking","thinking":"hm","signature":"Er=="},{"type":"text","text":"漢字"},{"type":"tool_use","name":"f","input":{"a":[1,{"b":"é\""}]}},{"type":"tool_use","name":"g","input":{}}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}"#,
    #"{"object":"response","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}]},{"type":"message","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"type":"function_call","name":"f","arguments":"{}"}],"error":null,"usage":{"input_tokens":3,"output_tokens":4}}"#,
    #"{"candidates":[{"content":{"parts":[{"thought":true,"text":"hm"},{"text":"Hi"},{"functionCall":{"name":"f","args":{"a":1}}}]},"finishReason":"STOP"},{"content":{"parts":[{"text":"Ho"}]}}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2}}"#,
    #"{"created":1,"data":[{"b64_json":"aGVsbG8=\/\\"},{"url":"x"}],"usage":{"input_tokens":5,"output_tokens":6}}"#,
    #"{"object":"list","data":[{"embedding":[0.1,-2e-5,1E+3,0]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#,
    #" {"error":{"message":"no","code":null}}"#, #"{"error":"no","cho\u0069ces":[{"t\u0065xt":"x"}]}"#, "\u{FEFF}{ }",
    #"[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},{"usageMetadata":{"promptTokenCount":4}}]"#,
  ]

  @Test("is read alike however it is cut", arguments: samples)
  func splits(sample: String) {
    let bytes = Array(sample.utf8)
    let whole = Findings([bytes[...]])
    #expect(whole.isComplete)
    for middle in 0...bytes.count { #expect(Findings([bytes[..<middle], bytes[middle...]]) == whole) }
    for size in [1, 2, 3, 5, 7, 13] {
      let starts = Array(stride(from: 0, to: bytes.count, by: size))
      #expect(Findings(starts.map { bytes[$0..<min($0 + size, bytes.count)] }) == whole)
    }
    for length in 0..<bytes.count where !bytes[length...].allSatisfy({ $0 == 0x20 }) {
      #expect(!Findings([bytes[..<length]]).isComplete)
    }
  }

  @Test("says what the scanners of whole documents say", arguments: samples.dropLast())
  func sameAsWhole(sample: String) {
    let bytes = Array(sample.utf8.drop { $0 == 0xEF || $0 == 0xBB || $0 == 0xBF })
    let found = Findings([bytes[...]])
    let isChunk =
      !sample.contains("\"output\"") && !sample.contains("\"content\":[{\"type\":\"thinking\",\"thinking\":\"")
    let scanned =
      isChunk && !sample.contains("candidates")
      ? ChunkScanner.scan(bytes.span.bytes) : EventScanner.scan(bytes.span.bytes)
    var texts: [String: [UInt8]] = [:]
    scanned.texts.forEach {
      $0.text.appendText(in: bytes.span.bytes, to: &texts["\($0.choice).\($0.part) \($0.channel)", default: []])
    }
    #expect(!scanned.isMalformed && found.texts == texts.mapValues { String(decoding: $0, as: UTF8.self) })
    #expect(found.finishedCount == scanned.finishedCount && found.choicesCount == scanned.choicesCount)
    #expect(found.usage == scanned.usage && found.flags[3] == scanned.hasError)
    if found.flags[2] { #expect(ChunkScanner.pictures(ofAnswer: bytes.span.bytes) == found.dataCount) }
  }

  @Test("tells which members an answer has")
  func members() {
    #expect(Findings(Self.samples[0]).choicesCount == 2 && Findings(Self.samples[0]).finishedCount == 1)
    #expect(Findings(Self.samples[3]).flags == [true, false, false, false, false])
    #expect(Findings(Self.samples[4]).flags == [false, true, false, false, false])
    #expect(Findings(Self.samples[6]).flags == [false, false, true, false, false])
    #expect(Findings(Self.samples[8]).flags == [false, false, false, true, false])
    for text in [#"{"error":{}}"#, #"{"error":""}"#, #"{"error":null}"#, #"{"error":[]}"#, #"{"x":{"error":"a"}}"#] {
      #expect(Findings(text).flags == [false, false, false, false, false])
    }
    for text in [#"{"choices":[]}"#, #"{"choices":null}"#, #"{"x":[{"choices":[1]}]}"#] {
      #expect(Findings(text).choicesCount == 0)
    }
  }

  @Test("gives the same as the reference for random documents, cut at random")
  func random() {
    let seed = UInt64.random(in: 0..<(.max))
    var random = SeededGenerator(seed: seed)
    for _ in 0..<400 {
      let bytes = Array(#"{"choices":\#(random.document(4)),"content":\#(random.document(3))}"#.utf8)
      let whole = Findings([bytes[...]])
      #expect(whole.isComplete, "seed \(seed)")
      var pieces: [ArraySlice<UInt8>] = []
      var at = 0
      while at < bytes.count {
        let next = min(at + Int.random(in: 1..<9, using: &random), bytes.count)
        pieces.append(bytes[at..<next])
        at = next
      }
      #expect(Findings(pieces) == whole, "seed \(seed)")
      #expect(whole.isComplete == (AnswerJudge.judge(bytes.span.bytes, as: .any) == .answer), "seed \(seed)")
    }
  }

  @Test(
    "is never complete when it is none",
    arguments: [
      "", " ", "null", "7", "x", "{}x", "{} {}", "{]", "[}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "[1,]", "[,1]",
      "[1 2]",
      "{1:2}", #"{"a":nul}"#, #"{"a":tru}"#, "[x]", #"["a]"#, #"["a\"]"#, #"{"a" "b"}"#, "\u{FEFF}",
      "\u{FEFF}\u{FEFF}{}",
    ])
  func broken(text: String) {
    #expect(!Findings(text).isComplete)
    #expect(!Findings(Array(text.utf8).map { [$0][...] }).isComplete)
  }

  @Test("is bounded: in depth, in its usage, in its keys")
  func bounds() {
    let nested = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    #expect(Findings(nested(512)).isComplete && !Findings(nested(513)).isComplete)
    func usage(padding: Int) -> TokenUsage? {
      Findings(#"{"usage":{"x":"\#(String(repeating: "x", count: padding))","prompt_tokens":5}}"#).usage
    }
    #expect(usage(padding: 16_000)?.promptTokens == 5 && usage(padding: 17_000) == nil)
    let long = String(repeating: "choices", count: 100)
    let document = Array(#"{"\#(long)":[1],"choices":[{"text":"a"}]}"#.utf8)
    #expect(Findings(document.map { [$0][...] }).texts == ["0.0 content": "a"])
  }

  @Test("hands on no part that ends inside a letter or an escape, also when they are broken")
  func brokenText() {
    for text in [#"\u12"#, #"\ud83d"#, #"\ud83dx"#, #"\ude00"#] {
      let bytes = Array(#"{"choices":[{"text":"a\#(text)"}]}"#.utf8)
      let whole = Findings([bytes[...]]).texts
      for middle in 0...bytes.count {
        #expect(Findings([bytes[..<middle], bytes[middle...]]).texts.count == whole.count)
      }
    }
  }

  @Test(
    "hands on the same bytes however it is cut, also where they are no letters",
    arguments: [[0xFF, 0xFF, 0x67, 0x11], [0x94, 0xE0, 0x80], [0xF0, 0x41], [0x5C, 0x75, 0x31, 0x7A]] as [[UInt8]])
  func broken(end: [UInt8]) {
    let bytes = Array(#"{"output":[{"content":[{"text":"a"#.utf8) + [0x94, 0x94] + end
    func texts(_ size: Int) -> [UInt8] {
      var document = PassingDocument()
      var texts: [UInt8] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        document.take(bytes.span.bytes.extracting(start..<min(start + size, bytes.count))) { _, part in
          texts += part.withUnsafeBytes { Array($0) }
        }
      }
      return texts
    }
    for size in 1..<bytes.count { #expect(texts(size) == texts(bytes.count), "pieces of \(size)") }
  }
}
