/// The ways in which known vocabularies cut text into pieces before they merge bytes inside each piece.
///
/// Each is a hand-written reading of the pattern that its makers publish; the raw value is what a vocabulary file holds.
public enum PreTokeniser: UInt32, Sendable, CaseIterable {
  /// OpenAI's cl100k_base, as tiktoken has it: white space at the very end of the text is one piece.
  case cl100k = 1
  /// Llama 3: cl100k's pattern as first published, in which white space at the end splits after its last line end.
  case llama3 = 2
  /// Qwen 1 to 3, QwQ: Llama 3's with every digit alone.
  case qwen = 3
  /// DeepSeek V3 and R1: three splits in sequence.
  case deepseek = 4
  /// OpenAI's o200k_base: words are split by case, contractions belong to the word.
  case o200k = 5
  /// Mistral's tekken: o200k's without contractions, every digit alone.
  case tekken = 6

  /// The one called `name`.
  public static func named(_ name: String?) -> PreTokeniser? { allCases.first { $0.name == name } }

  /// The name in manifests and on the command line.
  public var name: String {
    switch self {
    case .cl100k: "cl100k"
    case .llama3: "llama3"
    case .qwen: "qwen"
    case .deepseek: "deepseek"
    case .o200k: "o200k"
    case .tekken: "tekken"
    }
  }
}
