import ChatProtocol
import Foundation
import Testing
import TestKit

@Suite("Editing a request")
struct RequestEditsTests {
  private func edit(_ text: String, _ decide: (inout RequestEdits) -> Void) throws -> String {
    let body = Array(text.utf8)
    var edits = RequestEdits(try RequestScanner.scan(body.span.bytes))
    decide(&edits)
    let edited = edits.edited(body.span.bytes)
    #expect(edited.count == edits.editedByteCount(bodyByteCount: body.count))
    #expect(edits.isEmpty == (edited == body))
    _ = try RequestScanner.scan(edited.span.bytes)
    return String(decoding: edited, as: UTF8.self)
  }

  private func tree(_ text: String) throws -> NSMutableDictionary {
    let options: JSONSerialization.ReadingOptions = [.mutableContainers]
    return try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8), options: options) as? NSMutableDictionary)
  }

  @Test(
    "usage is asked for, whatever was there",
    arguments: [
      (#"{"model":"m"}"#, #"{"stream_options":{"include_usage":true},"model":"m"}"#),
      (#"{"stream_options":null}"#, #"{"stream_options":{"include_usage":true}}"#),
      (#"{"stream_options":{}}"#, #"{"stream_options":{"include_usage":true}}"#),
      (#"{"stream_options":{ }}"#, #"{"stream_options":{"include_usage":true }}"#),
      (#"{"stream_options":{"a":1}}"#, #"{"stream_options":{"include_usage":true,"a":1}}"#),
      (#"{"stream_options":{"include_usage":false}}"#, #"{"stream_options":{"include_usage":true}}"#),
      (#"{"stream_options":{"include_usage" : null,"a":1}}"#, #"{"stream_options":{"include_usage" : true,"a":1}}"#),
      (#"{"stream_options":{"include_usage":true}}"#, #"{"stream_options":{"include_usage":true}}"#),
      ("{}", #"{"stream_options":{"include_usage":true}}"#),
      (" {\n} ", " {\"stream_options\":{\"include_usage\":true}\n} "),
    ])
  func usage(before: String, after: String) throws {
    #expect(try edit(before) { $0.requireUsage() } == after)
  }

  @Test(
    "the token bound is set where the body has it, else added",
    arguments: [
      (#"{"model":"m"}"#, #"{"max_tokens":9,"model":"m"}"#), ("{}", #"{"max_tokens":9}"#),
      (#"{"max_tokens":100}"#, #"{"max_tokens":9}"#),
      (#"{"max_completion_tokens": 1e2 }"#, #"{"max_completion_tokens": 9 }"#),
      (#"{"max_tokens":100,"max_completion_tokens":200}"#, #"{"max_tokens":9,"max_completion_tokens":9}"#),
      (#"{"max_tokens":null}"#, #"{"max_tokens":9}"#),
      (#"{"max_tokens":null,"max_completion_tokens":50}"#, #"{"max_tokens":null,"max_completion_tokens":9}"#),
      (#"{"max_output_tokens":50}"#, #"{"max_output_tokens":9}"#),
    ])
  func tokens(before: String, after: String) throws {
    #expect(try edit(before) { $0.setMaxTokens(9) } == after)
  }

  @Test(
    "a null is no bound: the added one stands under its own name, once",
    arguments: [
      (#"{"max_tokens":null}"#, #"{"max_completion_tokens":9,"max_tokens":null}"#),
      (#"{"max_completion_tokens" : null,"max_tokens":null}"#, #"{"max_completion_tokens" : 9,"max_tokens":null}"#),
      (#"{"max_tokens":null,"max_completion_tokens":50}"#, #"{"max_tokens":null,"max_completion_tokens":9}"#),
    ])
  func nulls(before: String, after: String) throws {
    #expect(try edit(before) { $0.setMaxTokens(9, adding: .maxCompletionTokens) } == after)
  }

  @Test("an added token bound takes the name the endpoint knows")
  func addedNames() throws {
    #expect(try edit("{}") { $0.setMaxTokens(0, adding: .maxOutputTokens) } == #"{"max_output_tokens":0}"#)
    #expect(
      try edit("{}") { $0.setMaxTokens(.max, adding: .maxCompletionTokens) }
        == #"{"max_completion_tokens":9223372036854775807}"#)
    #expect(try edit("{}") { $0.setMaxTokens(.min) } == #"{"max_tokens":-9223372036854775808}"#)
  }

  @Test("the model is renamed, and only there")
  func model() throws {
    let text = #"{"x":"model","model" : "a\u0062" ,"messages":[{"model":"a"}]}"#
    let quoted = JSONText.quoted("Qwen/\"QwQ\"")
    #expect(
      try edit(text) { $0.replaceModel(with: quoted) }
        == #"{"x":"model","model" : "Qwen/\"QwQ\"" ,"messages":[{"model":"a"}]}"#)
    #expect(try edit(#"{"a":1}"#) { $0.replaceModel(with: quoted) } == #"{"a":1}"#)
  }

  @Test("all edits at once, in every order of members")
  func together() throws {
    let members = [#""model":"a""#, #""max_tokens":5"#, #""stream_options":{"include_usage":false}"#, #""z":"é\n""#]
    for first in 0..<4 {
      for second in 0..<4 where second != first {
        let rest = (0..<4).filter { $0 != first && $0 != second }
        for order in [rest, rest.reversed()] {
          let text = "{" + ([first, second] + order).map { members[$0] }.joined(separator: ", ") + "}"
          let edited = try edit(text) {
            $0.setMaxTokens(77)
            $0.requireUsage()
            $0.replaceModel(with: JSONText.quoted("bb"))
          }
          let expected = try tree(text)
          expected["model"] = "bb"
          expected["max_tokens"] = 77
          expected["stream_options"] = ["include_usage": true]
          #expect(try tree(edited) == expected)
        }
      }
    }
  }

  @Test("two members added to an empty body are separated, and nothing follows them")
  func twoInserted() throws {
    let both: (inout RequestEdits) -> Void = {
      $0.requireUsage()
      $0.setMaxTokens(1)
    }
    #expect(try edit("{}", both) == #"{"stream_options":{"include_usage":true},"max_tokens":1}"#)
    #expect(try edit(#"{"a":1}"#, both) == #"{"stream_options":{"include_usage":true},"max_tokens":1,"a":1}"#)
  }

  @Test("random bodies differ only where they were meant to", arguments: UInt64(1)...4)
  func random(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<100 {
      var members = (0..<4).map { #""k\#($0)":"# + random.document(3) }
      members.insert(#""model":"old""#, at: Int.random(in: 0...members.count, using: &random))
      let text = "{" + members.joined(separator: ",") + "}"
      let edited = try edit(text) {
        $0.replaceModel(with: JSONText.quoted("new"))
        $0.requireUsage()
      }
      let expected = try tree(text)
      expected["model"] = "new"
      expected["stream_options"] = ["include_usage": true]
      #expect(try tree(edited) == expected, "seed \(seed)")
      let inserted = #""stream_options":{"include_usage":true},"#
      #expect(
        edited.replacing(inserted, with: "", maxReplacements: 1)
          == text.replacing(#""model":"old""#, with: #""model":"new""#), "seed \(seed)")
    }
  }

  @Test("too little room writes nothing")
  func room() throws {
    let body = Array(#"{"model":"m"}"#.utf8)
    var edits = RequestEdits(try RequestScanner.scan(body.span.bytes))
    edits.requireUsage()
    var target = [UInt8](repeating: 0xEE, count: edits.editedByteCount(bodyByteCount: body.count) - 1)
    let written = target.withUnsafeMutableBytes { edits.write(body: body.span.bytes, into: $0) }
    #expect(written == 0)
    #expect(target.allSatisfy { $0 == 0xEE })
    edits.replaceModel(with: [])
    let other: [UInt8] = []
    let edited = edits.edited(other.span.bytes)
    #expect(edited.isEmpty)
  }

  @Test("text is quoted so that JSON gives it back", arguments: ["", "a", "\"\\/\u{8}\u{C}\n\r\t\u{0}\u{1F}\u{7F}é漢🙂"])
  func quoting(text: String) throws {
    let quoted = JSONText.quoted(text)
    let parsed = try JSONSerialization.jsonObject(with: Data(quoted), options: .fragmentsAllowed) as? String
    #expect(parsed == text)
  }
}
