import ChatProtocol
import Testing
import TokenAccounting
import Tokenization

/// A vocabulary so small that a test can count in its head: each byte is a token, and so is "ab".
func pairVocabulary() throws -> Vocabulary {
  let tokens = (0...255).map { [UInt8($0)] } + [Array("ab".utf8)]
  let file = try VocabularyBuilder.file(
    name: "pairs", preTokeniser: .cl100k, tokens: tokens, source: [UInt8](repeating: 1, count: 32))
  return try Vocabulary(file: file.span.bytes)
}

extension AnswerCounter {
  /// Counts the texts of a chunk.
  mutating func take(chunk: String) {
    let document = Array(chunk.utf8)
    take(ChunkScanner.scan(document.span.bytes), in: document.span.bytes)
  }

  /// Counts one delta of a choice.
  mutating func take(_ delta: String, choice: Int = 0) {
    take(chunk: "{\"choices\":[{\"index\":\(choice),\"delta\":{\(delta)}}]}")
  }
}
