import Foundation

@testable import Tokenization

/// The published algorithms, written as plainly as they are published: regular expressions over the whole text (read by
/// Foundation's engine), then merging by looking for the lowest rank again and again.
struct ReferenceTokenizer {
  let kind: PreTokeniser
  let ranks: [[UInt8]: Int]
  private let splits: [NSRegularExpression]

  init(_ kind: PreTokeniser, _ ranks: [[UInt8]: Int]) throws {
    self.kind = kind
    self.ranks = ranks
    splits = try Self.patterns(kind).map { try NSRegularExpression(pattern: $0) }
  }

  func count(_ text: String) -> Int {
    pieces(text).reduce(0) { $0 + tokens(Array($1.utf8)) }
  }

  func pieces(_ text: String) -> [String] {
    var pieces = [text]
    for split in splits {
      pieces = pieces.flatMap { piece in
        let whole = piece as NSString
        var parts: [String] = []
        var end = 0
        for match in split.matches(in: piece, range: NSRange(location: 0, length: whole.length)) {
          // What a pattern does not match stays a piece.
          if match.range.location > end {
            parts.append(whole.substring(with: NSRange(location: end, length: match.range.location - end)))
          }
          parts.append(whole.substring(with: match.range))
          end = match.range.location + match.range.length
        }
        if end < whole.length { parts.append(whole.substring(from: end)) }
        return parts
      }
    }
    return pieces
  }

  func tokens(_ piece: [UInt8]) -> Int {
    if ranks[piece] != nil { return 1 }
    var parts = piece.map { [$0] }
    while true {
      var best: (rank: Int, index: Int)?
      for index in parts.indices.dropLast() {
        if let rank = ranks[parts[index] + parts[index + 1]], rank < best?.rank ?? .max { best = (rank, index) }
      }
      guard let best else { return parts.count }
      parts[best.index] += parts.remove(at: best.index + 1)
    }
  }

  private static func patterns(_ kind: PreTokeniser) -> [String] {
    // `\s` and `\z` are spelt out: engines differ in what they take for white space and for the end.
    let space = #"[\t-\r \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]"#
    let contraction = "'(?:[sSdDmMtT\u{17F}]|[lL][lL]|[vV][eE]|[rR][eE])"
    let spaces = #"\#(space)*[\r\n]+|\#(space)+(?=\#(space)|\z)|\#(space)+"#
    let noWord = #"[^\t-\r \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000\p{L}\p{N}]+"#
    let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
    let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
    func plain(_ digits: String, _ spaces: String) -> String {
      #"\#(contraction)|[^\r\n\p{L}\p{N}]?\p{L}+|\#(digits)| ?\#(noWord)[\r\n]*|\#(spaces)"#
    }
    func cased(_ digits: String, _ contraction: String) -> String {
      #"[^\r\n\p{L}\p{N}]?\#(upper)*\#(lower)+\#(contraction)|[^\r\n\p{L}\p{N}]?\#(upper)+\#(lower)*\#(contraction)|\#(digits)"#
        + #"| ?\#(noWord)[\r\n/]*|\#(spaces)"#
    }
    return switch kind {
    case .cl100k: [plain(#"\p{N}{1,3}"#, #"\#(space)++\z|"# + spaces)]
    case .llama3: [plain(#"\p{N}{1,3}"#, spaces)]
    case .qwen: [plain(#"\p{N}"#, spaces)]
    case .o200k: [cased(#"\p{N}{1,3}"#, "(?:\(contraction))?")]
    case .tekken: [cased(#"\p{N}"#, "")]
    case .deepseek:
      [
        #"\p{N}{1,3}"#, #"[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"#,
        #"[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\#(spaces)"#,
      ]
    }
  }
}
