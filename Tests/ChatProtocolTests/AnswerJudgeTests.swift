import ChatProtocol
import Testing

@Suite("Is a document an answer?")
struct AnswerJudgeTests {
  /// The verdict in the words of the test: `answer`, `failure: words`, or what is wrong.
  private static func judge(_ document: String, as kind: AnswerKind) -> String {
    let bytes = Array(document.utf8)
    switch AnswerJudge.judge(bytes.span.bytes, as: kind) {
    case .answer: return "answer"
    case .failure(let message): return "failure: \(message?.text(in: bytes.span.bytes) ?? "-")"
    case .notAnAnswer(let fault): return fault.message
    }
  }

  private static let kinds: [AnswerKind] = [.chunks, .message, .response, .embedding, .any]

  @Test("one that has what its endpoint answers is")
  func answers() {
    for (document, kind) in [
      (#"{"choices":[{"message":{"content":"Hi"}}],"error":null}"#, AnswerKind.chunks),
      (#"{"error":{},"choices":[{}]}"#, .chunks), (#"{"error":"","choices":[ 1 ]}"#, .chunks),
      (#"{"type":"message","content":[]}"#, .message), (#"{"content":[{"type":"text"}]}"#, .message),
      (#"{"type":"message","content":null}"#, .message),
      (#"{"object":"response","status":"completed","error":null}"#, .response),
      (#"{"output":[],"status":"incomplete"}"#, .response), (#"{"data":[],"object":"list"}"#, .embedding),
      (#"{"embeddings":[[0.1]]}"#, .embedding), (#"{"embedding":{"values":[1]}}"#, .embedding),
      ("{}", .any), ("[]", .any), (#"{"choices":null}"#, .any), (#"{"status":"failed"}"#, .any),
      ("\u{FEFF} {\"choices\":[{}]}\n", .chunks), (#"[{"candidates":[]}]"#, .any),
    ] { #expect(Self.judge(document, as: kind) == "answer", "\(document)") }
  }

  @Test("one that tells an error is a failure, whatever else it holds")
  func failures() {
    for (document, words) in [
      (#"{"error":{"message":"no \"luck\"","type":"t"}}"#, #"no "luck""#), (#"{"error":"text"}"#, "text"),
      (#"{"error":{"code":7}}"#, "-"), (#"{"error":{"message":null,"code":7},"message":"m"}"#, "m"),
      (#"{"object":"error","message":"m","code":400}"#, "m"), (#"{"message":"m","type":"error"}"#, "m"),
      (#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, "m"),
      (#"{"choices":[{}],"content":[],"output":[],"data":[1],"error":{"message":"m"}}"#, "m"),
      (#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#, "m"),
    ] {
      for kind in Self.kinds { #expect(Self.judge(document, as: kind) == "failure: \(words)") }
    }
    let failed = #"{"object":"response","status":"failed","error":{"code":"server_error","message":"m"},"output":[]}"#
    #expect(Self.judge(failed, as: .response) == "failure: m")
    #expect(Self.judge(#"{"object":"response","status":"failed","output":[]}"#, as: .response) == "failure: -")
  }

  @Test("one without what its endpoint answers is none")
  func lacking() {
    for (document, kind) in [
      ("{}", AnswerKind.chunks), (#"{"choices":null}"#, .chunks), (#"{"choices":[]}"#, .chunks),
      (#"{"choices":[ ]}"#, .chunks), (#"{"choices":{}}"#, .chunks), (#"{"choices":"x"}"#, .chunks),
      (#"{"data":[1]}"#, .chunks), (#"{"x":{"choices":[1]}}"#, .chunks), (#"{"error":429}"#, .chunks),
      (#"{"content":"x"}"#, .message), (#"{"content":null}"#, .message), (#"{"output":{}}"#, .response),
      (#"{"data":null}"#, .embedding), (#"{"embeddings":[]}"#, .embedding), (#"{"detail":"Not Found"}"#, .embedding),
    ] { #expect(Self.judge(document, as: kind) == AnswerVerdict.Fault.lacksAnswer.message, "\(document)") }
    // These two are served in more forms than the documented one.
    for kind in [AnswerKind.message, .response] { #expect(Self.judge(#"{"id":"x"}"#, as: kind) == "answer") }
    #expect(Self.judge(#"[{"choices":[{}]}]"#, as: .chunks) == AnswerVerdict.Fault.notAnObject.message)
  }

  @Test("what is no document is none for any endpoint")
  func broken() {
    for kind in Self.kinds {
      for (document, fault) in [
        ("", AnswerVerdict.Fault.empty), (" \n", .empty), ("\u{FEFF}", .empty), ("null", .null), (" null ", .null),
        ("true", .notAnObject), ("7", .notAnObject), (#""text""#, .notAnObject), ("{", .cutShort),
        (#"{"choices":[{"x":"#, .cutShort), (#"{"choices":[{}]} x"#, .noJSON(offset: 17)),
        ("<html>", .noJSON(offset: 0)), (#"{"choices":[{}],}"#, .noJSON(offset: 16)),
        ("nul", .cutShort), ("nope", .noJSON(offset: 1)),
      ] { #expect(Self.judge(document, as: kind) == fault.message, "\(document)") }
    }
  }

  @Test("cut anywhere, it is cut short")
  func cuts() {
    let document = #"{"choices":[{"message":{"content":"é\n"}}],"error":null,"object":"chat.completion"}"#
    for length in 1..<document.utf8.count {
      let bytes = Array(Array(document.utf8)[..<length])
      let verdict = AnswerJudge.judge(bytes.span.bytes, as: .chunks)
      guard case .notAnAnswer(let fault) = verdict else {
        Issue.record("\(verdict)")
        continue
      }
      // In the middle of a letter it is no UTF-8.
      #expect(fault == .cutShort || bytes.last == 0xC3)
    }
  }

  @Test("a whole answer of completions is told by its ends, and no cut of it is taken for one")
  func plain() {
    let answer =
      #"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"say \"usage\":{} and ],\"usage\":{\"prompt_tokens\":9}}"},"finish_reason":"stop"}] , "usage":{"prompt_tokens":1,"completion_tokens":2,"details":{"a":1}},"system_fingerprint":"f", "x": null }"#
    let usage = AnswerJudge.plainUsage(Array((answer + " \n").utf8).span.bytes)
    #expect(usage?.promptTokens == 1 && usage?.completionTokens == 2)
    let bytes = Array(answer.utf8)
    for end in 0..<bytes.count { #expect(AnswerJudge.plainUsage(Array(bytes[..<end]).span.bytes) == nil) }
    let count = #"{"prompt_tokens":1}"#
    for document in [
      #"{"usage":\#(count),"choices":[{}]}"#, #"{"choices":[{}],"usage":\#(count),"error":{"message":"m"}}"#,
      #"{"error":{"message":"m"},"choices":[{}],"usage":\#(count)}"#, #"{"choices":[],"usage":\#(count)}"#,
      #"{"choices":[{}],"error":{"message":"m"},"usage":\#(count)}"#, #"{"choices":[{}],"usage":{}}"#,
      #"{"x":{"choices":[{}],"usage":\#(count)}}"#, #"{"choices":[{}],"usage":\#(count)}}"#, #"{"choices":[{}]}"#,
      #"{"choices":[{"usage":\#(count)}]}"#, #"{"choices":[{},{"a":[1],"usage":\#(count)}]}"#, "", "{", "[]",
    ] { #expect(AnswerJudge.plainUsage(Array(document.utf8).span.bytes) == nil, "\(document)") }
  }
}
