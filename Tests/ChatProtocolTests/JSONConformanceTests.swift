import ChatProtocol
import Testing
import TestKit

@Suite("JSON is read as RFC 8259 says")
struct JSONConformanceTests {
  @Test("there are more than a hundred cases")
  func count() {
    #expect(validValues.count + invalidValues.count > 150)
  }

  @Test("valid values are accepted wherever they stand", arguments: validValues)
  func valid(value: String) {
    for document in [
      #"{"v":\#(value)}"#, #" { "v" : \#(value) } "#, #"{"v":[\#(value),{"w":\#(value)}]}"#,
      #"{"a":\#(value),"b":\#(value)}"#,
    ] {
      #expect(refusal(document) == nil, "\(document)")
      #expect(!chunk(document).isMalformed)
      #expect(ReferenceValidator.accepts(Array(document.utf8)))
    }
  }

  @Test("invalid values are refused with the place and the reason", arguments: invalidValues.indices)
  func invalid(index: Int) {
    let (value, offset, reason) = (invalidValues[index].bytes, invalidValues[index].offset, invalidValues[index].reason)
    for (before, after) in [(#"{"v":"#, "}"), (#"{"model":"m","v":[0,["#, "]]}")] {
      let document = Array(before.utf8) + value + Array(after.utf8)
      #expect(!ReferenceValidator.accepts(document))
      #expect(chunk(document).isMalformed)
      let error = refusal(document)
      // Inside an array a stray separator or bracket is read differently; the refusal itself is what counts there.
      if after == "}" {
        #expect(error == JSONScanError(offset: before.utf8.count + offset, reason: reason), "\(value)")
      } else {
        #expect(error != nil)
      }
    }
  }

  @Test(
    "whole documents: where they must start and end",
    arguments: [
      ("", 0, JSONScanError.Reason.empty), (" \n\t ", 4, .empty), ("[]", 0, .notAnObject), ("1", 0, .notAnObject),
      ("\"a\"", 0, .notAnObject), ("x", 0, .notAnObject), ("\u{FEFF}{}", 0, .byteOrderMark),
      ("{} x", 3, .trailingBytes),
      ("{}{}", 2, .trailingBytes), ("{}\u{0}", 2, .trailingBytes), ("{},", 2, .trailingBytes), ("{", 1, .truncated),
      (#"{"a""#, 4, .truncated), (#"{"a":"#, 5, .truncated), (#"{"a":1"#, 6, .truncated), (#"{"a":1,"#, 7, .truncated),
      (#"{"a":[1"#, 7, .truncated), (#"{"a":"b"#, 7, .truncated), (#"{"a":"\"#, 7, .truncated),
      (#"{"a":tr"#, 7, .truncated),
      (#"{"a":-"#, 6, .truncated), (#"{"a":1."#, 7, .truncated), (#"{"a":1e"#, 7, .truncated),
    ])
  func documents(text: String, offset: Int, reason: JSONScanError.Reason) {
    #expect(refusal(text) == JSONScanError(offset: offset, reason: reason))
    #expect(chunk(text).isMalformed)
  }

  @Test("the depth bound holds to the level, also far beyond one machine word")
  func depth() {
    for depthMax in [1, 2, 63, 64, 65, 66, 127, 128, 129, 512, 1024] {
      for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        func nested(_ levels: Int) -> String {
          let inside = levels == 1 ? "0" : (open == "[" ? "" : "0")
          return #"{"v":"# + String(repeating: open, count: levels - 1) + inside
            + String(repeating: close, count: levels - 1) + "}"
        }
        #expect(refusal(nested(depthMax), depthMax: depthMax) == nil)
        #expect(refusal(nested(depthMax + 1), depthMax: depthMax)?.reason == .tooDeep)
      }
    }
    #expect(refusal(String(repeating: "[", count: 100_000))?.reason == .notAnObject)
    #expect(refusal(#"{"a":"# + String(repeating: "[", count: 100_000))?.reason == .tooDeep)
    #expect(JSONLimits(depthMax: .max).depthMax == JSONLimits.depthCeiling)
    #expect(JSONLimits(depthMax: .min).depthMax == 1)
  }

  @Test("the kinds of a deep mix of containers are remembered")
  func mixed() {
    var random = SeededGenerator(seed: 42)
    for levels in [60, 64, 65, 130, 500] {
      let isObject = (0..<levels).map { _ in Bool.random(using: &random) }
      let open = isObject.map { $0 ? "{\"k\":" : "[" }.joined()
      let close = isObject.reversed().map { $0 ? "}" : "]" }
      #expect(refusal("{\"v\":" + open + "1" + close.joined() + "}") == nil)
      for wrong in [0, levels / 2, levels - 1] {
        var closing = close
        closing[wrong] = closing[wrong] == "}" ? "]" : "}"
        #expect(refusal("{\"v\":" + open + "1" + closing.joined() + "}")?.reason == .unexpectedByte)
      }
    }
  }

  @Test(
    "random documents, whole and damaged, are accepted exactly when the reference accepts", arguments: UInt64(1)...6)
  func random(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for round in 0..<1500 {
      var bytes = Array(("{\"value\":" + random.document(4) + "}").utf8)
      #expect(refusal(bytes) == nil, "seed \(seed) round \(round)")
      for _ in 0..<3 {
        damage(&bytes, &random)
        let accepts =
          ReferenceValidator.accepts(bytes) && bytes.first(where: { !" \t\r\n".utf8.contains($0) }) == UInt8(ascii: "{")
        guard (refusal(bytes) == nil) == accepts, chunk(bytes).isMalformed != accepts else {
          Issue.record("seed \(seed) round \(round): \(String(decoding: bytes, as: UTF8.self)) accepted: \(accepts)")
          return
        }
        jsonFuzz(bytes.span.bytes)
      }
    }
  }

  private func damage(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    guard !bytes.isEmpty else { return }
    let at = Int.random(in: 0..<bytes.count, using: &random)
    let signs =
      Array("{}[]:,\"\\u0eE+-. \nabtfn".utf8) + [0, 0x1F, 0x7F, 0x80, 0xBF, 0xC0, 0xE0, 0xED, 0xF0, 0xF4, 0xFF]
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes.remove(at: at)
    case 1: bytes.insert(random.pick(signs), at: at)
    case 2: bytes[at] = random.pick(signs)
    case 3: bytes.removeLast(bytes.count - at)
    default: bytes.insert(contentsOf: bytes[at..<min(at + 7, bytes.count)], at: at)
    }
  }
}

/// What must hold for any bytes at all. The body of a fuzz target: nothing traps, every range lies inside the document,
/// what is accepted can be edited, and the edited body is accepted and says what the edits asked for.
func jsonFuzz(_ bytes: RawSpan) {
  chunkFuzz(bytes)
  guard let fields = try? RequestScanner.scan(bytes) else { return }
  let ranges = [
    fields.model?.range, fields.streamOptions, fields.includeUsageRange, fields.maxTokens?.range, fields.n?.range,
    fields.maxCompletionTokens?.range, fields.maxOutputTokens?.range, fields.tools, fields.responseFormat,
    fields.responseFormat, fields.tools, fields.messages, fields.prompt, fields.input,
  ]
  for range in ranges.compactMap({ $0 }) {
    #expect(!range.isEmpty && range.lowerBound >= fields.insertionOffset && range.upperBound < bytes.byteCount)
  }
  var edits = RequestEdits(fields)
  edits.replaceModel(with: JSONText.quoted("neu\"é"))
  edits.requireUsage()
  edits.setMaxTokens(7)
  let edited = edits.edited(bytes)
  #expect(edited.count == edits.editedByteCount(bodyByteCount: bytes.byteCount))
  do {
    let again = try RequestScanner.scan(edited.span.bytes, limits: JSONLimits(depthMax: 514))
    #expect(again.includeUsage == true && again.tokensMax == 7)
    #expect((again.model == nil) == (fields.model == nil))
    #expect(again.model == nil || string(again.model, in: edited) == "neu\"é")
  } catch {
    Issue.record("the edited body is refused: \(error.message)")
  }
}

private func chunkFuzz(_ bytes: RawSpan) {
  let fields = ChunkScanner.scan(bytes)
  guard !fields.isMalformed else { return }
  let ranges = [
    fields.error, fields.id?.range, fields.model?.range, fields.firstContent?.range, fields.firstReasoning?.range,
    fields.finishReason?.range, fields.usageMember,
  ]
  for range in ranges.compactMap({ $0 }) { #expect(range.lowerBound > 0 && range.upperBound <= bytes.byteCount) }
  guard let member = fields.usageMember else { return }
  var stripped = bytes.withUnsafeBytes { Array($0) }
  stripped.removeSubrange(member)
  let rest = chunk(stripped)
  #expect(!rest.isMalformed && rest.usageMember == nil && rest.choicesCount == fields.choicesCount)
}
