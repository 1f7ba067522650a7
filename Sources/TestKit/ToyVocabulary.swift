public import Tokenization

/// A vocabulary trained by the tests themselves: 256 bytes and some hundred merges, the most frequent pair first.
public enum ToyVocabulary {
  /// What it is trained on.
  public static let training =
    """
    the quick brown fox jumps over the lazy dog and then the model counts tokens as the tokens pass through the gateway \
    internationalization of streaming counters is the hardest part of counting because the counters stream HTTP HTTPServer \
    XMLHttpRequest 你好世界 你好 世界 模型 输出 模型输出 的 的 的 我们 我们在 привет мир привет мир токены токены Größe größer \
    function return function return while while import import struct struct ==== ==== ---- ---- 2024 2025 100 1000 10000 \
    don't can't we're they've you'll it's 'tis 🚀🚀 👍 ❤️ ❤️ カタカナ ひらがな カタカナ ひらがな ほげ
    """

  /// Its tokens, by their numbers.
  public static let tokens: [[UInt8]] = train(merges: 600)
  /// The number of each token.
  public static let ranks = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, $0) })
  /// What it says it was made from.
  public static let source = [UInt8](repeating: 7, count: 32)

  /// The bytes of its file.
  public static func file(_ kind: PreTokeniser) throws -> [UInt8] {
    try VocabularyBuilder.file(name: "toy", preTokeniser: kind, tokens: tokens, source: source)
  }

  /// It, ready for counting.
  public static func make(_ kind: PreTokeniser) throws -> Vocabulary {
    let bytes = try file(kind)
    return try Vocabulary(file: bytes.span.bytes)
  }

  private static func train(merges: Int) -> [[UInt8]] {
    var tokens = (0...255).map { [UInt8($0)] }
    var words = training.split(separator: " ").map { word in Array((" " + word).utf8).map { [$0] } }
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
