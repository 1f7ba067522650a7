import TestKit
import Testing

@testable import Tokenization

@Suite("Vocabulary file")
struct VocabularyTests {
  @Test("holds its name, its kind, its source and every token")
  func reads() throws {
    let vocabulary = try ToyVocabulary.make(.deepseek)
    #expect(
      vocabulary.name == "toy" && vocabulary.preTokeniser == .deepseek && vocabulary.source == ToyVocabulary.source)
    #expect(vocabulary.tokenCount == ToyVocabulary.tokens.count)
    for token in ToyVocabulary.tokens {
      let padded = token + [UInt8](repeating: 0x61, count: WordTable.slackBytes)
      let count = padded.withUnsafeBufferPointer {
        vocabulary.tables.count($0.baseAddress.unsafelyUnwrapped, token.count)
      }
      #expect(count == 1, "\(token)")
    }
  }

  @Test("is refused when it is cut short, lengthened, or changed in any byte")
  func damaged() throws {
    let file = try ToyVocabulary.file(.qwen)
    for count in [0, 1, 7, 127, 128, 129, file.count - 1] { #expect(refuses(Array(file[..<count]))) }
    #expect(refuses(file + [0]))
    for offset in Array(0..<200) + Array(stride(from: 200, to: file.count, by: 41)) {
      var changed = file
      changed[offset] ^= 0x55
      #expect(refuses(changed) == true, "byte \(offset)")
    }
  }

  @Test("is refused with hostile numbers under a right checksum, and never followed")
  func hostile() throws {
    let file = try ToyVocabulary.file(.qwen)
    let numbers: [UInt32] = [7, 0x3FFFF, 0x40000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF]
    for offset in [8, 12, 16, 20] {
      for number in numbers { #expect(refuses(sealed(file, [(offset, number)])) == true, "\(number) at \(offset)") }
    }
    for number in numbers.dropFirst().dropLast() {
      #expect(refuses(sealed(file, [(file.count - 8, number)])) == true, "\(number) in the last token's pair")
    }
    // Lengths that no longer add up.
    #expect(refuses(sealed(file, [(VocabularyFormat.headerBytes, 0)])))
    #expect(refuses(sealed(file, [(VocabularyFormat.headerBytes, 0xFFFF_FFFF)])))
  }

  @Test("survives any change under a right checksum")
  func fuzzed() throws {
    let file = try ToyVocabulary.file(.o200k)
    let text = Array(ToyVocabulary.training.utf8)
    withSeeds(150) { generator in
      let changes = (0..<generator.int(in: 1...4)).map { _ in
        (generator.int(in: 8...file.count - 4), UInt32(truncatingIfNeeded: generator.next()))
      }
      let changed = sealed(file, changes)
      guard let vocabulary = try? Vocabulary(file: changed.span.bytes) else { return }
      let count = TokenCounter.count(text.span.bytes, in: vocabulary)
      #expect(count > 0 && count <= text.count)
    }
  }

  @Test("needs every single byte, and tokens of sensible length")
  func builder() {
    #expect(throws: VocabularyError.missingByte(255)) { try build((0...254).map { [UInt8($0)] }) }
    let bytes = (0...255).map { [UInt8($0)] }
    #expect(throws: VocabularyError.badToken(256)) { try build(bytes + [[]]) }
    #expect(throws: VocabularyError.badToken(256)) { try build(bytes + [[UInt8](repeating: 1, count: 256)]) }
    #expect(throws: VocabularyError.tooLarge) {
      try VocabularyBuilder.file(name: "x", preTokeniser: .qwen, tokens: bytes, source: [1])
    }
  }

  private func build(_ tokens: [[UInt8]]) throws -> [UInt8] {
    try VocabularyBuilder.file(name: "x", preTokeniser: .qwen, tokens: tokens, source: ToyVocabulary.source)
  }

  private func refuses(_ file: [UInt8]) -> Bool { (try? Vocabulary(file: file.span.bytes)) == nil }

  /// The file with 4-byte numbers written over it and its checksum made right again.
  private func sealed(_ file: [UInt8], _ changes: [(offset: Int, number: UInt32)]) -> [UInt8] {
    var file = file
    func write(_ number: UInt32, _ offset: Int) {
      for byte in 0..<4 { file[offset + byte] = UInt8(truncatingIfNeeded: number >> UInt32(8 * byte)) }
    }
    for (offset, number) in changes { write(number, offset) }
    let checksum = file.withUnsafeBytes { VocabularyFormat.checksum($0) }
    write(UInt32(truncatingIfNeeded: checksum), VocabularyFormat.checksumOffset)
    write(UInt32(truncatingIfNeeded: checksum >> 32), VocabularyFormat.checksumOffset + 4)
    return file
  }
}
