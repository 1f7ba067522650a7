import TestKit
import Testing

@testable import Tokenization

@Suite("Token counter")
struct TokenCounterTests {
  @Test("counts what the published algorithm counts, one byte at a time too", arguments: PreTokeniser.allCases)
  func agreesWithReference(kind: PreTokeniser) throws {
    let vocabulary = try ToyVocabulary.make(kind)
    let reference = try ReferenceTokenizer(kind, ToyVocabulary.ranks)
    for text in Samples.texts {
      let expected = reference.count(text)
      for size in [1, 2, 3, 4, 7, 17, 1000] {
        #expect(count(text, size, vocabulary) == expected, "\(text.debugDescription)")
      }
    }
  }

  @Test("agrees on random text in random parts", arguments: PreTokeniser.allCases)
  func agreesOnRandomText(kind: PreTokeniser) throws {
    let vocabulary = try ToyVocabulary.make(kind)
    let reference = try ReferenceTokenizer(kind, ToyVocabulary.ranks)
    try withSeeds(250) { generator in
      let text = Samples.random(&generator)
      let expected = reference.count(text)
      var counter = TokenCounter(vocabulary)
      for part in randomPieces(of: Array(text.utf8), sizeMax: 12, &generator) { counter.append(part.span.bytes) }
      try #require(counter.finish() == expected, "\(generator): \(text.debugDescription)")
    }
  }

  @Test("is right after every byte, and never takes back what it has closed", arguments: PreTokeniser.allCases)
  func everyPrefix(kind: PreTokeniser) throws {
    let vocabulary = try ToyVocabulary.make(kind)
    let reference = try ReferenceTokenizer(kind, ToyVocabulary.ranks)
    for text in Samples.texts {
      var counter = TokenCounter(vocabulary)
      var closed = 0
      var prefix: [UInt8] = []
      for byte in text.utf8 {
        prefix.append(byte)
        counter.append([byte].span.bytes)
        let known = whole(prefix)
        let expected = reference.count(known)
        #expect(counter.provisional() == expected, "\(known.debugDescription)")
        #expect(counter.closed >= closed)
        #expect(counter.closed <= expected && expected <= counter.closed + counter.openBytes)
        closed = counter.closed
      }
    }
  }

  @Test("gives one count for every cut in two", arguments: PreTokeniser.allCases)
  func everyCut(kind: PreTokeniser) throws {
    let vocabulary = try ToyVocabulary.make(kind)
    for text in Samples.texts {
      let bytes = Array(text.utf8)
      let expected = TokenCounter.count(bytes.span.bytes, in: vocabulary)
      everySplit(of: bytes) { first, second in
        var counter = TokenCounter(vocabulary)
        counter.append(first.span.bytes)
        counter.append(second.span.bytes)
        #expect(counter.provisional() == expected)
      }
    }
  }

  @Test(
    "gives one count for bytes that are no UTF-8 too, and stays within its bounds", arguments: PreTokeniser.allCases)
  func malformed(kind: PreTokeniser) throws {
    let vocabulary = try ToyVocabulary.make(kind)
    withSeeds(200) { generator in
      let bytes = generator.bytes(count: generator.int(in: 1...300))
      var whole = TokenCounter(vocabulary)
      whole.append(bytes.span.bytes)
      var counter = TokenCounter(vocabulary)
      for part in randomPieces(of: bytes, sizeMax: 5, &generator) { counter.append(part.span.bytes) }
      #expect(counter.closed == whole.closed && counter.openBytes == whole.openBytes, "\(generator)")
      #expect(counter.provisional() == whole.provisional())
      #expect(counter.provisional() <= counter.closed + counter.openBytes)
    }
  }

  @Test("merges long pieces as a whole, though it cuts them", arguments: PreTokeniser.allCases)
  func longPieces(kind: PreTokeniser) throws {
    let vocabulary = try ToyVocabulary.make(kind)
    let reference = try ReferenceTokenizer(kind, ToyVocabulary.ranks)
    var generator = SeededGenerator(seed: 5)
    let letters = "etaoinshrdlu".map(String.init)
    let long = [
      String(repeating: "a", count: 2500), String(repeating: "the", count: 800),
      String(repeating: " ", count: 2300) + "x",
      String(repeating: "\n ", count: 1200), String(repeating: "=", count: 2200), String(repeating: "你好世界", count: 250),
      (0..<2500).map { _ in letters[generator.int(in: 0...11)] }.joined(),
    ]
    for text in long {
      let expected = reference.count(text)
      for size in [1, 4, 700, 5000] {
        #expect(count(text, size, vocabulary) == expected, "\(text.prefix(8)) by \(size)")
      }
    }
  }

  @Test("keeps few bytes, however much passes")
  func memory() throws {
    var counter = TokenCounter(try ToyVocabulary.make(.qwen))
    let letters = [UInt8](repeating: 0x61, count: 10_000)
    for _ in 0..<20 { counter.append(letters.span.bytes) }
    #expect(counter.openBytes <= PairMerger.pieceBytesMax)
    #expect(counter.closed > 0)
  }

  @Test("starts afresh after the end")
  func finish() throws {
    var counter = TokenCounter(try ToyVocabulary.make(.o200k))
    counter.append(Array("the model's".utf8).span.bytes)
    let first = counter.finish()
    #expect(counter.closed == 0 && counter.openBytes == 0 && counter.provisional() == 0)
    counter.append(Array("the model's".utf8).span.bytes)
    #expect(counter.finish() == first)
  }

  private func count(_ text: String, _ size: Int, _ vocabulary: Vocabulary) -> Int {
    var counter = TokenCounter(vocabulary)
    for part in pieces(of: Array(text.utf8), size: size) { counter.append(part.span.bytes) }
    return counter.finish()
  }

  /// The longest valid text at the front.
  private func whole(_ bytes: [UInt8]) -> String {
    for missing in 0...3 where missing <= bytes.count {
      if let text = String(validating: bytes.dropLast(missing), as: UTF8.self) { return text }
    }
    return ""
  }
}
