/// Which vocabulary a model most likely has, judged by its name: for models whose configuration does not say.
public enum VocabularyGuess {
  /// Pieces of names, in the order they are tried: a distilled model has the vocabulary of the smaller one, whatever it was taught by.
  private static let hints: [(piece: String, vocabulary: String)] = [
    ("distill-qwen", "qwen"), ("distill-llama", "llama3"), ("gpt-oss", "o200k"), ("gpt-4o", "o200k"),
    ("chatgpt-4o", "o200k"), ("gpt-4.1", "o200k"), ("gpt-4.5", "o200k"), ("gpt-5", "o200k"), ("gpt-4", "cl100k"),
    ("gpt-3.5", "cl100k"), ("gpt-35", "cl100k"), ("text-embedding-3", "cl100k"), ("text-embedding-ada", "cl100k"),
    ("deepseek", "deepseek"), ("qwen", "qwen"), ("qwq", "qwen"), ("qvq", "qwen"), ("tongyi", "qwen"),
    ("llama-3", "llama3"), ("llama3", "llama3"), ("mistral-nemo", "tekken"), ("ministral", "tekken"),
    ("pixtral", "tekken"), ("mistral-small-3", "tekken"), ("magistral", "tekken"),
    ("devstral", "tekken"),
  ]
  /// OpenAI's reasoning models, whose names are too short to be looked for anywhere: `o1`, `o3-mini`.
  private static let numbered = ["o1", "o3", "o4"]

  /// The vocabularies that a name can speak for.
  public static var vocabularies: [String] { hints.map(\.vocabulary) }

  /// The vocabularies that a provider's own models have.
  public static func vocabularies(ofProvider name: String) -> [String] {
    switch name {
    case "openai", "azure": ["o200k", "cl100k"]
    case "deepseek": ["deepseek"]
    case "dashscope", "qwen": ["qwen"]
    case "mistral": ["tekken"]
    default: []
    }
  }

  /// The name of the vocabulary, or nil.
  public static func vocabulary(forModel name: String) -> String? {
    let name = name.lowercased()
    let base = name.split(separator: "/").last.map(String.init) ?? name
    if numbered.contains(where: { base == $0 || base.hasPrefix($0 + "-") }) { return "o200k" }
    return hints.first { name.contains($0.piece) }?.vocabulary
  }
}
