import ChatProtocol
import TestKit
import Testing
import TokenAccounting
import Tokenization

@Suite("An answer as it passes")
struct AnswerCounterTests {
  @Test("counts each text by itself: a token reaches over chunks, never over channels, choices or tool calls")
  func texts() throws {
    var counter = AnswerCounter(.exact(try pairVocabulary()))
    counter.take(#""content":"a""#)
    counter.take(#""content":"b""#)
    #expect(counter.tally(finishedChoices: 0).completion == 1, "one text, one token")
    counter.take(#""reasoning_content":"a""#)
    counter.take(#""refusal":"b""#)
    counter.take(#""content":"a""#, choice: 1)
    counter.take(#""content":"b""#, choice: 0)
    #expect(counter.tally(finishedChoices: 0).completion == 5)
    counter.take(#""tool_calls":[{"index":0,"function":{"name":"ab","arguments":"a"}}]"#)
    counter.take(#""tool_calls":[{"index":1,"function":{"name":"a","arguments":"b"}}]"#)
    counter.take(#""tool_calls":[{"index":0,"function":{"arguments":"b"}}]"#)
    let tally = counter.tally(finishedChoices: 0)
    #expect(tally.completion == 5 + 2 + 2 && tally.reasoning == 1 && tally.source == .exact)
  }

  @Test("has bounds at any time: closed ≤ true ≤ closed + open bytes, and closed never goes down")
  func bounds() throws {
    var random = SeededGenerator(seed: 7)
    var counter = AnswerCounter(.exact(try pairVocabulary()))
    var texts = [String: String]()
    var closed = 0
    for _ in 0..<400 {
      let choice = random.int(in: 0...2)
      let channel = random.element(of: ["content", "reasoning_content", "refusal"]) ?? "content"
      let piece = random.element(of: ["ab", "a", "b", " ab", "ba", "漢", " ", "1234"]) ?? "a"
      texts["\(choice)\(channel)", default: ""] += piece
      counter.take("\"\(channel)\":\"\(piece)\"", choice: choice)
      let truth = try texts.values.reduce(0) {
        $0 + TokenCounter.count(Array($1.utf8).span.bytes, in: try pairVocabulary())
      }
      #expect(counter.closed >= closed && counter.closed <= truth && truth <= counter.closed + counter.openBytes)
      #expect(counter.tally(finishedChoices: 0).completion == truth)
      closed = counter.closed
    }
  }

  @Test("tells its thoughts apart when they stand in the answer's own text, which counts as ever")
  func thoughts() throws {
    let vocabulary = try pairVocabulary()
    func tally(_ pieces: [String]) -> AnswerTally {
      var counter = AnswerCounter(.exact(vocabulary))
      for piece in pieces { counter.take("\"content\":\"\(piece)\"") }
      return counter.tally(finishedChoices: 0)
    }
    let whole = tally(["<think>abab</think>ab"])
    #expect(whole.completion == 7 + 2 + 8 + 1 && whole.reasoning == 17)
    for split in 1..<"<think>abab</think>ab".count {
      let text = "<think>abab</think>ab"
      #expect(tally([String(text.prefix(split)), String(text.dropFirst(split))]) == whole, "split at \(split)")
    }
    #expect(tally([#"\u003cthink\u003eab\u003c/think\u003e"#]).reasoning == 16)
    // The opening tag was part of the prompt.
    #expect(tally([#"ab\n</think>\n\nab"#]).reasoning == 10)
    // An answer that only speaks of the tag has not thought.
    #expect(tally(["use `</think>` so"]).reasoning == 0)
    #expect(tally(["<th", "ink", "ing about ab"]).reasoning == 0)
  }

  @Test("counts the declared tokens that no client sees only when it is whole")
  func invisible() throws {
    var counter = AnswerCounter(
      .exact(try pairVocabulary()), invisible: InvisibleTokens(answer: 1, reasoning: 2, toolCall: 8))
    counter.take(#""reasoning_content":"a""#)
    counter.take(#""tool_calls":[{"index":0,"function":{"name":"a","arguments":"b"}}]"#)
    #expect(counter.tally(finishedChoices: 0).completion == 3)
    #expect(counter.tally(finishedChoices: 1).completion == 3 + 1 + 2 + 8)
  }

  @Test("stays bounded whatever an upstream opens: texts beyond the bound are counted together")
  func manyTexts() throws {
    var counter = AnswerCounter(.exact(try pairVocabulary()))
    for choice in 0..<2_000 { counter.take(#""content":"x ""#, choice: choice) }
    let count = counter.tally(finishedChoices: 0).completion
    #expect(count == 4_000)
  }

  @Test("that breaks off inside a document counts what has come of it")
  func broken() throws {
    var counter = AnswerCounter(.exact(try pairVocabulary()))
    counter.take(chunk: #"{"choices":[{"message":{"role":"assistant","reasoning":"ab","content":"ab ab"#)
    #expect(counter.tally(finishedChoices: 0).completion == 1 + 3)
  }
}

@Suite("What a request is recorded to have taken")
struct TokenRecordTests {
  private func record(counted: Int?, reported: String?, isFinal: Bool) -> TokenRecord {
    var record = TokenRecord()
    if let counted {
      record.counted = AnswerTally(source: .exact)
      record.counted?.completion = counted
    }
    record.countedPrompt = 7
    record.promptSource = .exact
    if let reported {
      let document = Array("{\"usage\":{\(reported)}}".utf8)
      record.reported = ChunkScanner.scan(document.span.bytes).usage
    }
    record.isReportFinal = isFinal
    return record
  }

  @Test("is what the upstream says, when it has said it of the whole answer")
  func whole() {
    let told = record(
      counted: 40, reported: #""prompt_tokens":9,"completion_tokens":42,"total_tokens":52"#, isFinal: true)
    #expect(told.prompt?.tokens == 9 && told.completion?.tokens == 42 && told.completion?.source == .upstream)
    #expect(told.total == 52)
  }

  @Test("is what was counted, when the answer was cut: the upstream had told a beginning, or nothing")
  func cut() {
    let begun = record(counted: 40, reported: #""input_tokens":9,"output_tokens":1"#, isFinal: false)
    #expect(begun.prompt?.tokens == 9 && begun.completion?.tokens == 40 && begun.completion?.source == .exact)
    #expect(begun.total == 49)
    let silent = record(counted: 40, reported: nil, isFinal: false)
    #expect(silent.prompt?.tokens == 7 && silent.prompt?.source == .exact && silent.total == 47)
    let uncounted = record(counted: nil, reported: #""completion_tokens":33"#, isFinal: false)
    #expect(uncounted.completion?.tokens == 33 && uncounted.completion?.source == .upstream)
  }
}

@Suite("What finished usage teaches")
struct LearningTests {
  @Test("moves the ratio towards the truth, slowly at first, within bounds, and follows a change")
  func ratio() {
    var ratio = LearnedRatio()
    #expect(ratio.value == 1)
    ratio.learn(estimated: 20, reported: 60)
    #expect(ratio.value > 1 && ratio.value < 1.1)
    for _ in 0..<50 { ratio.learn(estimated: 1_000, reported: 1_200) }
    #expect(abs(ratio.value - 1.2) < 0.01)
    for _ in 0..<400 { ratio.learn(estimated: 1_000, reported: 900) }
    #expect(abs(ratio.value - 0.9) < 0.02)
    for _ in 0..<400 { ratio.learn(estimated: 1_000, reported: 1_000_000) }
    #expect(ratio.value == 4)
    ratio.learn(estimated: -1, reported: 5)
    ratio.learn(estimated: .infinity, reported: 5)
    #expect(ratio.value >= 0.25 && ratio.value <= 4)
  }

  @Test("is told as a ratio and a drift: what lies above and below does not cancel out")
  func drift() {
    var drift = TokenDrift()
    #expect(drift.ratio == nil && drift.drift == nil)
    drift.add(counted: 90, reported: 100)
    drift.add(counted: 110, reported: 100)
    drift.add(counted: 5, reported: 0)
    #expect(drift.requests == 2 && drift.ratio == 1 && drift.drift == 0.1)
  }

  @Test(
    "a model's name speaks for its vocabulary, a distilled one's for that of the smaller model",
    arguments: [
      ("deepseek-reasoner", "deepseek"), ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "qwen"),
      ("Qwen/QwQ-32B", "qwen"), ("gpt-4o-mini", "o200k"), ("o3-mini", "o200k"), ("openai/gpt-oss-120b", "o200k"),
      ("gpt-4-turbo", "cl100k"), ("text-embedding-3-large", "cl100k"), ("meta-llama/Llama-3.1-8B", "llama3"),
      ("pixtral-12b", "tekken"), ("claude-sonnet-4", nil), ("gemini-2.5-pro", nil), ("foo1", nil),
    ] as [(String, String?)])
  func guesses(model: String, vocabulary: String?) {
    #expect(VocabularyGuess.vocabulary(forModel: model) == vocabulary)
  }
}
