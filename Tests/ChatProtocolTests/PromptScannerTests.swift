import ChatProtocol
import Testing
import TestKit

@Suite("The pieces of a prompt")
struct PromptScannerTests {
  @Test("are the messages' roles, names and texts, whether a content is one text or a list of parts")
  func messages() throws {
    let pieces = try promptPieces(
      #"""
      {"model":"m","messages":[
        {"role":"system","content":"Be brief.\n\"Always\""},
        {"content":[{"type":"text","text":"Look:"},{"text":"again","type":"input_text"},"bare"],"name":"ann","role":"user"},
        {"role":"assistant","content":null,"refusal":"No.","reasoning_content":"hm \ud83d\ude00"},
        {"role":"developer","content":""},
        {"role":"narrator","content":"Once"}
      ],"prompt":"not in a chat","input":"neither"}
      """#)
    #expect(
      pieces == [
        "message", "role system", "text: Be brief.\n\"Always\"",
        "message", "text: Look:", "text: again", "text: bare", "name: ann", "role user",
        "message", "role assistant", "text: No.", "reasoning: hm 😀",
        "message", "role system", "text: ",
        "message", "text: narrator", "text: Once",
      ])
  }

  @Test("are an earlier answer's calls and what the tools gave, but no identifiers")
  func toolCalls() throws {
    let pieces = try promptPieces(
      #"""
      {"messages":[
        {"role":"assistant","tool_calls":[
          {"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"K\u00f6ln\"}"}},
          {"id":"call_2","type":"custom","custom":{"name":"shell","input":"ls"}}]},
        {"role":"assistant","function_call":{"name":"old","arguments":{"a":[1, 2]}}},
        {"role":"tool","tool_call_id":"call_1","content":[{"type":"text","text":"rain"}]},
        {"role":"function","name":"old","content":"3"}
      ]}
      """#)
    #expect(
      pieces == [
        "message", "role assistant", "toolCall", "toolName: weather", #"toolArguments: {"city":"Köln"}"#,
        "toolCall", "toolName: shell", "toolArguments: ls",
        "message", "role assistant", "toolCall", "toolName: old", #"argumentsDocument: {"a": [1, 2]}"#,
        "message", "role tool", "text: rain",
        "message", "role tool", "name: old", "text: 3",
      ])
  }

  @Test("are marks for images, sounds and files, whose data are never text")
  func media() throws {
    let pieces = try promptPieces(
      #"""
      {"messages":[{"role":"user","content":[
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA\/\/8=","detail":"low"}},
        {"image_url":{"detail":"high","url":"https://example.test/a.png"},"type":"image_url"},
        {"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}},
        {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="}},
        {"type":"video_url","video_url":{"url":"https://example.test/a.mp4"}},
        {"image_url":"untyped"},
        {"type":"text","text":"and text","image_url":"not by its type"}
      ]}]}
      """#)
    #expect(
      pieces == [
        "message", "role user", "imageLow", "image", "audio", "file", "file", "image", "text: and text",
      ])
  }

  @Test("are Anthropic's system, blocks, nested results and documents")
  func anthropic() throws {
    let pieces = try promptPieces(
      #"""
      {"model":"m","max_tokens":9,"system":[{"type":"text","text":"S1","cache_control":{"type":"ephemeral"}},{"type":"text","text":"S2"}],
       "messages":[
        {"role":"user","content":[
          {"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}},
          {"type":"document","title":"T","source":{"type":"base64","data":"JVBERi0="}},
          {"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain one"}},
          {"source":{"data":"plain \"two\"","media_type":"text/plain","type":"text"},"type":"document"},
          {"type":"document","source":{"type":"content","content":[{"type":"text","text":"inside"}]}}]},
        {"role":"assistant","content":[
          {"type":"thinking","thinking":"deep","signature":"c2ln"},
          {"type":"redacted_thinking","data":"c2VjcmV0"},
          {"type":"tool_use","id":"t1","name":"look","input":{"q":"x\ny",  "n":1}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[
          {"type":"text","text":"found"},{"type":"image","source":{"type":"base64","data":"AAAA"}}]},
          {"type":"tool_result","content":"short"}]}]}
      """#, .messages)
    #expect(
      pieces == [
        "message", "role system", "text: S1", "text: S2",
        "message", "role user", "image", "text: T", "file", "text: plain one", "text: plain \"two\"", "text: inside",
        "message", "role assistant", "reasoning: deep", "toolName: look",
        #"argumentsDocument: {"q": "x\ny", "n": 1}"#, "toolCall",
        "message", "role user", "text: found", "image", "text: short",
      ])
    #expect(
      try promptPieces(#"{"system":"one","messages":[]}"#, .messages) == ["message", "role system", "text: one"])
  }

  @Test("are the instructions and items of /v1/responses, or its input as one text")
  func responses() throws {
    let pieces = try promptPieces(
      #"""
      {"instructions":"Do.","input":[
        {"role":"user","content":[{"type":"input_text","text":"Hi"},{"type":"input_image","image_url":"data:x","detail":"low"},
          {"type":"input_file","file_data":"AAAA","filename":"f"}]},
        {"type":"reasoning","summary":[{"type":"summary_text","text":"thought"}],"encrypted_content":"gAAA"},
        {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"c","output":"42"},
        {"type":"image_generation_call","result":"iVBORw0KGgo="}
      ]}
      """#, .responses)
    #expect(
      pieces == [
        "message", "role system", "text: Do.",
        "message", "role user", "text: Hi", "imageLow", "file",
        "message", "reasoning: thought",
        "message", "name: f", "toolArguments: {}", "toolCall",
        "message", "text: 42", "role tool",
        "message",
      ])
    #expect(try promptPieces(#"{"input":"Hi"}"#, .responses) == ["message", "role user", "text: Hi"])
  }

  @Test(
    "are the prompts of /v1/completions and /v1/embeddings: a text, texts, tokens, or lists of tokens",
    arguments: [
      (#""one""#, ["prompt", "text: one"]), (#"["a","b"]"#, ["prompt", "text: a", "prompt", "text: b"]),
      ("[1, 22,333]", ["prompt", "tokens 3"]),
      ("[[1,2],[],[3 , 4,5]]", ["prompt", "tokens 2", "prompt", "prompt", "tokens 3"]),
      ("[]", []), ("null", []), ("7", []), (#"["a",7]"#, ["prompt", "text: a", "prompt", "tokens 1"]),
      (#"[{"type":"image_url","image_url":"data:"}]"#, ["prompt", "image"]),
    ])
  func prompts(value: String, expected: [String]) throws {
    for bytesMax in [1, 3, 100] {
      #expect(try promptPieces(#"{"prompt":\#(value)}"#, .completion, bytesMax: bytesMax) == expected)
      #expect(try promptPieces(#"{"input":\#(value)}"#, .embedding, bytesMax: bytesMax) == expected)
    }
  }

  private static let tools = #"""
    {"messages":[],"tools":[
      {"type":"function","function":{"name":"weather","description":"Tells the weather.","parameters":{
        "type":"object","required":["city"],"properties":{
          "city":{"type":"string","description":"Where."},
          "unit":{"enum":["c","f"],"type":["string","null"]},
          "days":{"type":"array","items":{"type":"object","properties":{"n":{"type":"integer"}}}}}}}},
      {"name":"empty","input_schema":{"type":"object","properties":{}}}],
     "functions":[{"name":"old","description":"\u00c4lter\/neu\u000a"}],
     "response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type" : "object"}}}}
    """#

  @Test("are tools as documents, in the spacing and with the escapes that templates write")
  func toolDocuments() throws {
    let pieces = try promptPieces(Self.tools, hasSchema: true)
    #expect(pieces.count == 9)
    #expect(
      pieces[0...1] == ["tools", "tool"] && pieces[2].hasPrefix(#"toolDocument: {"type": "function", "function": {"#))
    #expect(pieces[2].contains(#""unit": {"enum": ["c", "f"], "type": ["string", "null"]}"#))
    #expect(
      pieces[3...] == [
        "tool", #"toolDocument: {"name": "empty", "input_schema": {"type": "object", "properties": {}}}"#,
        "tools", "tool", #"toolDocument: {"name": "old", "description": "Älter/neu\n"}"#,
        #"schemaDocument: {"type": "object"}"#,
      ])
  }

  @Test("are tools as declarations: names, types, descriptions without their full stop, listed values")
  func toolSignatures() throws {
    for bytesMax in [1, 2, 5, 64, 4096] {
      #expect(
        try promptPieces(Self.tools, tools: .signatures, bytesMax: bytesMax) == [
          "tools", "tool", "signature: weather", "signatureDescription: Tells the weather", "properties",
          "property: city", "propertyType: string", "propertyDescription: Where",
          "property: unit", "enumeration", "enumerationValue: c", "enumerationValue: f", "propertyType: string",
          "propertyType: null",
          "property: days", "propertyType: array", "propertyType: object", "properties", "property: n",
          "propertyType: integer",
          "tool", "signature: empty",
          "tools", "tool", "signature: old", "signatureDescription: Älter/neu\n",
        ])
    }
  }

  @Test(
    "leave out what has another type than the protocol says, and go on behind it",
    arguments: [
      #"{"role":7,"content":8,"name":[],"tool_calls":{},"function_call":"f"}"#,
      #"{"role":null,"content":true,"reasoning_content":{"a":"b"},"tool_calls":[1,"x",[2]]}"#,
      #"{"role":["user"],"content":[null,3,[["x"]],{}],"x":"unknown","tool_calls":[]}"#,
      #"{"content":[{"text":5,"type":6,"image_url":null,"source":"s","content":{}}],"role":{"a":1}}"#,
    ])
  func wrongTypes(message: String) throws {
    for bytesMax in [1, 7, 1000] {
      let pieces = try promptPieces(#"{"messages":[\#(message),{"content":"next"}]}"#, bytesMax: bytesMax)
      #expect(pieces == ["message", "message", "text: next"])
    }
  }

  @Test("leave out what stands deeper than any content does, and go on behind it")
  func depth() throws {
    let deep = String(repeating: #"{"content":["#, count: 200) + #""lost""# + String(repeating: "]}", count: 200)
    let pieces = try promptPieces(#"{"messages":[{"role":"user","content":[\#(deep),"kept"]}]}"#)
    #expect(pieces == ["message", "role user", "text: kept"])
    let schema = String(repeating: #"{"properties":{"p":"#, count: 200) + "{}" + String(repeating: "}}", count: 200)
    let tools = try promptPieces(
      #"{"messages":[],"tools":[{"name":"f","parameters":\#(schema)},{"name":"g"}]}"#, tools: .signatures)
    #expect(tools.last == "signature: g" && tools.count < 40)
  }

  @Test("are the same in every slice, down to a byte a call, and their bytes go down to none")
  func slices() throws {
    let body = #"""
      {"messages":[{"role":"user","content":"a \"quoted\" text with \ud83d\ude00 and \\ and é漢"},
      {"role":"assistant","content":[{"type":"text","text":"\n\n\u000b"}],"tool_calls":[{"function":{"name":"n\u0061me","arguments":{"k":"\u00e9\\"}}}]}]}
      """#
    let whole = try promptPieces(body)
    #expect(whole.count == 9)
    for bytesMax in 1...80 { #expect(try promptPieces(body, bytesMax: bytesMax) == whole) }
  }

  @Test("never trap on ranges that were found in another body")
  func foreignRanges() throws {
    let found = Array(Self.tools.utf8)
    let fields = try RequestScanner.scan(found.span.bytes)
    withSeeds { generator in
      var body = found
      for _ in 0..<20 {
        body[Int.random(in: 0..<body.count, using: &generator)] = generator.pick(Array(#""\[]{},:un"#.utf8))
      }
      body.removeLast(Int.random(in: 0...body.count, using: &generator))
      for shape in PromptShape.allCases {
        for tools in [PromptToolForm.documents, .signatures] {
          for bytesMax in [3, 4096] {
            let pieces = promptPieces(fields, body, shape, tools: tools, hasSchema: true, bytesMax: bytesMax)
            #expect(!pieces.contains { $0.hasPrefix("unfinished") || $0.hasPrefix("left over") })
          }
        }
      }
    }
  }

  private func withSeeds(_ body: (inout SeededGenerator) -> Void) {
    for seed in 1...300 as ClosedRange<UInt64> {
      var generator = SeededGenerator(seed: seed)
      body(&generator)
    }
  }
}
