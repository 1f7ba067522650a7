/// In which vocabulary a model's tokens are counted.
public enum ModelVocabulary: String, Sendable, CaseIterable {
  /// That which the model's name speaks for; estimated when it speaks for none, or that one is not installed.
  case auto
  /// Nothing is counted: only what the upstream reports is known.
  case none
  /// Qwen and QwQ.
  case qwen
  /// DeepSeek V3 and R1.
  case deepseek
  /// GPT-3.5, GPT-4, text-embedding-3.
  case cl100k
  /// GPT-4o and later.
  case o200k
  /// Llama 3.
  case llama3
  /// Mistral's tekken.
  case tekken
}
