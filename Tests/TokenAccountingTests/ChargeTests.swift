import Testing
import TokenAccounting

@Suite("What is taken for tokens before they are known")
struct ChargeTests {
  @Test("a prompt's ratio follows a dearer one at once, a cheaper one slowly, and knows what short bodies say: nothing")
  func ratio() throws {
    #expect(PromptRatio(tokens: 10, bytes: 100) == nil)
    var ratio = try #require(PromptRatio(tokens: 1000, bytes: 4000))
    #expect(ratio.tokens(ofBytes: 8000) == 2000)
    ratio.learn(tokens: 4000, bytes: 4000)
    #expect(ratio.tokens(ofBytes: 8000) == 8000)
    ratio.learn(tokens: 800, bytes: 4000)
    #expect((7600..<8000).contains(ratio.tokens(ofBytes: 8000)))
    // Pictures by their address: more tokens than bytes.
    ratio.learn(tokens: 40_000, bytes: 4000)
    #expect(ratio.tokensMax(ofBytes: 4000) == 40_000)
    #expect(ratio.tokens(ofBytes: .max) > 0 && ratio.tokensMax(ofBytes: .min) == 0)
  }

  @Test(
    "what a model can answer is told by its name",
    arguments: [
      ("deepseek-chat", 8_192), ("DeepSeek-Reasoner", 65_536), ("deepseek-ai/DeepSeek-R1", 32_768), ("qwq-32b", 8_192),
      ("Qwen/Qwen3-32B", 16_384), ("gpt-4o-mini", 16_384), ("gpt-4.1", 32_768), ("gpt-4-turbo", 4_096),
      ("openai/gpt-5-mini", 128_000), ("o3-mini", 100_000), ("claude-3-5-sonnet-latest", 8_192),
      ("anthropic/claude-opus-4.1", 32_000), ("gemini-2.5-pro", 65_536), ("my-own", 4_096), ("", 4_096), ("/", 4_096),
    ])
  func outputMax(model: String, tokens: Int) {
    #expect(ModelOutputLimit.tokens(forModel: model) == tokens)
  }

  @Test("the later name of the bound is the only one for OpenAI's reasoning models")
  func names() {
    for name in ["gpt-5", "openai/gpt-5.1-mini", "o1", "o3-mini", "O4-mini"] {
      #expect(ModelOutputLimit.takesCompletionBoundOnly(name))
    }
    for name in ["gpt-4o", "o1x", "qwen-max", "my-gpt-5"] { #expect(!ModelOutputLimit.takesCompletionBoundOnly(name)) }
  }
}
