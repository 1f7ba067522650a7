import ScriptedUpstream
import Testing

@Suite("A script's text")
struct ScriptParsingTests {
  @Test("every word sets its part of the script")
  func words() throws {
    let script = try Script(
      parsing: """
        events=200 reasoning=20 tools=2 gap=20ms headDelay=1s firstDelay=250us keepAlive=2m usage=onFinish prompt=7
        lineEnd=crlf comments=5 framing=close writeSplit=1 chunkSplit=7 coalesce=4 bom text=big:1000 fault=status:429
        after=5 first=1 retryAfter=2 header='x-note: two words' interim=103 tag=a
        """)
    #expect(script.events == 200)
    #expect(script.reasoningEvents == 20)
    #expect(script.toolCalls == 2)
    #expect(script.gap == .milliseconds(20))
    #expect(script.headDelay == .seconds(1))
    #expect(script.firstDelay == .microseconds(250))
    #expect(script.keepAlive == .seconds(120))
    #expect(script.usage == .onFinish)
    #expect(script.promptTokens == 7)
    #expect(script.lineEnd == .crlf)
    #expect(script.comments == 5)
    #expect(script.framing == .close)
    #expect(script.writeSplit == 1)
    #expect(script.chunkSplit == 7)
    #expect(script.coalesce == 4)
    #expect(script.bom)
    #expect(script.text == .big(1000))
    #expect(script.fault == .status(429))
    #expect(script.after == 5)
    #expect(script.first == 1)
    #expect(script.retryAfter == "2")
    #expect(script.headers == [Script.Header("x-note", "two words")])
    #expect(script.interim == 103)
    #expect(script.tag == "a")
  }

  @Test("every word of shapes and texts sets its part too")
  func shapeWords() throws {
    let script = try Script(
      parsing: """
        provider=vllm promptTokens=1 cached=2 cacheWrite=3 completion=4 hidden=5 reasoningTokens=6 audio=7 promptAudio=8
        refusal=9 think=split choices=3 splitSurrogates splitNames text=mixedEscaped afterEvents=10
        """)
    #expect(script.provider == .vllm)
    #expect(script.promptTokens == 1)
    #expect(script.cachedTokens == 2)
    #expect(script.cacheWriteTokens == 3)
    #expect(script.completionTokens == 4)
    #expect(script.hiddenTokens == 5)
    #expect(script.reasoningTokens == 6)
    #expect(script.audioTokens == 7)
    #expect(script.promptAudioTokens == 8)
    #expect(script.refusalEvents == 9)
    #expect(script.think == .split)
    #expect(script.choices == 3)
    #expect(script.splitsSurrogates && script.splitsNames)
    #expect(script.text == .mixedEscaped)
    #expect(script.afterEvents == 10)
    #expect(try Script(parsing: "think text=mixed").think == .whole)
  }

  @Test("no words make the default script")
  func empty() throws {
    #expect(try Script(parsing: "") == Script())
    #expect(try Script(parsing: " \n ") == Script())
  }

  @Test(
    "an error names the word that was not understood",
    arguments: [
      "evnts=3", "events=x", "events=-1", "gap=20", "gap=ms", "gap=9999999999s", "fault=explode", "fault=status:99",
      "lineEnd=lfcr", "text=big:99999999999", "hello", "interim=200", "header=nothing", "usage=", "tools=1000",
      "provider=acme", "think=aloud", "choices=999",
    ])
  func errors(word: String) {
    let error = #expect(throws: ScriptError.self) { try Script(parsing: "events=3 \(word) after=1") }
    #expect(error?.word == word)
    #expect(error?.description.contains("'\(word)'") == true)
    #expect(error?.expected.isEmpty == false)
  }

  @Test(
    "every fault that is one word can be written",
    arguments: [
      "none", "htmlError", "closeBeforeAnswer", "resetBeforeAnswer", "neverAnswer", "badHead", "reset", "close",
      "stall", "malformed", "truncate", "errorEvent", "endEarly", "noDone", "noFinish", "badFraming",
      "closeAfterAnswer", "lateBytes",
    ])
  func faults(name: String) throws {
    let script = try Script(parsing: "fault=\(name)")
    #expect("\(script.fault)" == name)
  }
}
