/// How many tokens one answer of a model can have, judged by its name, as its maker's documentation says of its interface. For models whose configuration
/// does not say (`maxOutput`).
///
/// A quota bounds an answer only where less is left than this: a bound above it is refused by many upstreams, and says nothing. So what is not known for sure
/// stands lower here rather than higher; streams are ended by what is counted in any case.
public enum ModelOutputLimit {
  /// Of a model of which nothing is known.
  public static let unknown = 4_096

  /// Beginnings of the name's last part, the longer ones first.
  private static let known: [(beginning: String, tokens: Int)] = [
    ("deepseek-reasoner", 65_536), ("deepseek-r1", 32_768), ("deepseek", 8_192),
    ("qwen3", 16_384), ("qwq", 8_192), ("qvq", 8_192), ("qwen", 8_192),
    ("gpt-4o-2024-05-13", 4_096), ("gpt-4o", 16_384), ("chatgpt-4o", 16_384), ("gpt-4.1", 32_768),
    ("gpt-4.5", 16_384), ("gpt-5-chat", 16_384), ("gpt-5", 128_000), ("gpt-oss", 32_768), ("gpt-4", 4_096),
    ("gpt-3.5", 4_096), ("gpt-35", 4_096),
    ("o1-preview", 32_768), ("o1-mini", 65_536), ("o1", 100_000), ("o3", 100_000), ("o4", 100_000),
    ("claude-3-7", 64_000), ("claude-3.7", 64_000), ("claude-3-5", 8_192), ("claude-3.5", 8_192), ("claude-3", 4_096),
    ("claude-opus-4-1", 32_000), ("claude-opus-4-2", 32_000), ("claude-sonnet-4", 64_000), ("claude-haiku-4", 64_000),
    ("claude-opus-4.1", 32_000), ("claude-opus", 32_000), ("claude-2", 4_096), ("claude", 8_192),
    ("gemini-1", 8_192), ("gemini-2.0", 8_192), ("gemini", 65_536),
    ("mistral", 8_192), ("codestral", 8_192), ("kimi", 8_192), ("moonshot", 4_096), ("glm-4.5", 32_768),
    ("glm-4.6", 32_768), ("grok", 8_192), ("command", 4_096), ("llama", 4_096),
  ]

  /// The most tokens of one answer of the model with that name.
  public static func tokens(forModel name: String) -> Int {
    let name = lastPart(of: name)
    return known.first { name.hasPrefix($0.beginning) }?.tokens ?? unknown
  }

  /// Whether a model takes a bound on its answer only as `max_completion_tokens`: OpenAI's reasoning models, wherever they are served under their names.
  public static func takesCompletionBoundOnly(_ name: String) -> Bool {
    let name = lastPart(of: name)
    return name.hasPrefix("gpt-5") || ["o1", "o3", "o4"].contains { name == $0 || name.hasPrefix($0 + "-") }
  }

  /// Behind a vendor's name, in small letters.
  private static func lastPart(of name: String) -> String {
    let name = name.lowercased()
    return name.split(separator: "/").last.map(String.init) ?? name
  }
}
