import Testing

@testable import Tokenization

/// A vocabulary trained by the tests themselves: 256 bytes and some hundred merges, the most frequent pair first.
enum ToyVocabulary {
  static let tokens: [[UInt8]] = train(merges: 600)
  static let ranks = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, $0) })
  static let source = [UInt8](repeating: 7, count: 32)

  static func file(_ kind: PreTokeniser) throws -> [UInt8] {
    try VocabularyBuilder.file(name: "toy", preTokeniser: kind, tokens: tokens, source: source)
  }

  static func make(_ kind: PreTokeniser) throws -> Vocabulary {
    let bytes = try file(kind)
    return try Vocabulary(file: bytes.span.bytes)
  }

  private static func train(merges: Int) -> [[UInt8]] {
    var tokens = (0...255).map { [UInt8($0)] }
    var words = Samples.training.split(separator: " ").map { word in Array((" " + word).utf8).map { [$0] } }
    for _ in 0..<merges {
      var counts: [[UInt8]: Int] = [:]
      for word in words { for (left, right) in zip(word, word.dropFirst()) { counts[left + right, default: 0] += 1 } }
      // Of equal counts the smallest bytes, so that every run trains the same.
      guard
        let best = counts.filter({ $0.value > 1 && $0.key.count <= 24 }).max(by: {
          $0.value != $1.value ? $0.value < $1.value : $1.key.lexicographicallyPrecedes($0.key)
        })?.key
      else { break }
      if !tokens.contains(best) { tokens.append(best) }
      words = words.map { word in
        var merged: [[UInt8]] = []
        for part in word {
          if let last = merged.last, last + part == best {
            merged[merged.count - 1] = best
          } else {
            merged.append(part)
          }
        }
        return merged
      }
    }
    return tokens
  }
}
