/// What is known about a kind of upstream, so that a file need not say it: where it is, how it takes its key, whether it may be
/// asked for usage, and which environment variables usually hold its key.
///
/// Base URLs and variable names are those of each service's own documentation for OpenAI-compatible use.
public struct ProviderPreset: Sendable, Equatable {
  /// The name in the file.
  public let name: String
  /// The base URL used when the file gives none; nil when there is no usual one.
  public let baseURL: String?
  /// How the key is sent.
  public let authentication: AuthenticationStyle
  /// Whether `stream_options.include_usage` is understood. Services that refuse unknown fields answer 400 or 422 to it.
  public let acceptsIncludeUsage: Bool
  /// Environment variables that usually hold the key, most usual first.
  public let keyVariables: [String]
  /// The variable that gives another base URL.
  public let baseURLVariable: String?
  /// Header fields that the service wants on every request.
  public let headers: [HeaderSetting]
  /// What it bills of a stream that is cancelled.
  public let cancelBilling: CancelBilling

  init(
    _ name: String, _ baseURL: String?, keys keyVariables: [String] = [], urlVariable baseURLVariable: String? = nil,
    authentication: AuthenticationStyle = .bearer, acceptsIncludeUsage: Bool = true, headers: [HeaderSetting] = [],
    cancel cancelBilling: CancelBilling = .unknown
  ) {
    self.cancelBilling = cancelBilling
    self.name = name
    self.baseURL = baseURL
    self.keyVariables = keyVariables
    self.baseURLVariable = baseURLVariable
    self.authentication = authentication
    self.acceptsIncludeUsage = acceptsIncludeUsage
    self.headers = headers
  }

  /// The preset of that name; nil for an unknown one.
  public static func named(_ name: String) -> ProviderPreset? { all.first { $0.name == name } }

  /// Any service that speaks OpenAI's protocol; it has no usual address.
  public static let openAICompatible = ProviderPreset("openai-compatible", nil)

  /// Every preset, in the order of the reference page.
  public static let all: [ProviderPreset] = [
    ProviderPreset(
      "openai", "https://api.openai.com/v1", keys: ["OPENAI_API_KEY"], urlVariable: "OPENAI_BASE_URL", cancel: .stops),
    // The v1 path of an Azure resource (https://NAME.openai.azure.com/openai/v1) is OpenAI-shaped; the host is the customer's own.
    ProviderPreset(
      "azure", nil, keys: ["AZURE_OPENAI_API_KEY"], urlVariable: "AZURE_OPENAI_BASE_URL", authentication: .apiKey,
      cancel: .stops),
    ProviderPreset(
      "anthropic", "https://api.anthropic.com/v1", keys: ["ANTHROPIC_API_KEY"], urlVariable: "ANTHROPIC_BASE_URL",
      authentication: .xAPIKey,
      headers: [HeaderSetting(name: "anthropic-version", value: Secret("2023-06-01"))], cancel: .stops),
    ProviderPreset(
      "deepseek", "https://api.deepseek.com/v1", keys: ["DEEPSEEK_API_KEY"], urlVariable: "DEEPSEEK_BASE_URL",
      cancel: .stops),
    ProviderPreset(
      "dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", keys: ["DASHSCOPE_API_KEY"],
      urlVariable: "DASHSCOPE_BASE_URL", cancel: .billsWhole),
    ProviderPreset(
      "qwen", "https://dashscope.aliyuncs.com/compatible-mode/v1", keys: ["QWEN_API_KEY"], urlVariable: "QWEN_BASE_URL",
      cancel: .billsWhole),
    ProviderPreset(
      "openrouter", "https://openrouter.ai/api/v1", keys: ["OPENROUTER_API_KEY"], urlVariable: "OPENROUTER_BASE_URL"),
    ProviderPreset(
      "siliconflow", "https://api.siliconflow.cn/v1", keys: ["SILICONFLOW_API_KEY"],
      urlVariable: "SILICONFLOW_BASE_URL"),
    // Sends usage on the last chunk unasked, and answers 422 `extra_forbidden` to `stream_options`.
    ProviderPreset(
      "mistral", "https://api.mistral.ai/v1", keys: ["MISTRAL_API_KEY"], urlVariable: "MISTRAL_BASE_URL",
      acceptsIncludeUsage: false, cancel: .billsWhole),
    ProviderPreset(
      "groq", "https://api.groq.com/openai/v1", keys: ["GROQ_API_KEY"], urlVariable: "GROQ_BASE_URL",
      cancel: .billsWhole),
    ProviderPreset(
      "together", "https://api.together.xyz/v1", keys: ["TOGETHER_API_KEY"], urlVariable: "TOGETHER_BASE_URL",
      cancel: .stops),
    ProviderPreset(
      "moonshot", "https://api.moonshot.cn/v1", keys: ["MOONSHOT_API_KEY"], urlVariable: "MOONSHOT_BASE_URL"),
    ProviderPreset(
      "zhipu", "https://open.bigmodel.cn/api/paas/v4", keys: ["ZHIPUAI_API_KEY", "ZHIPU_API_KEY"],
      urlVariable: "ZHIPU_BASE_URL"),
    ProviderPreset(
      "gemini", "https://generativelanguage.googleapis.com/v1beta/openai", keys: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
      urlVariable: "GEMINI_BASE_URL", cancel: .billsWhole),
    ProviderPreset(
      "vllm", "http://127.0.0.1:8000/v1", keys: ["VLLM_API_KEY"], urlVariable: "VLLM_BASE_URL", cancel: .stops),
    ProviderPreset(
      "sglang", "http://127.0.0.1:30000/v1", keys: ["SGLANG_API_KEY"], urlVariable: "SGLANG_BASE_URL", cancel: .stops),
    ProviderPreset(
      "ollama", "http://127.0.0.1:11434/v1", keys: ["OLLAMA_API_KEY"], urlVariable: "OLLAMA_BASE_URL", cancel: .stops),
    // Its usual port is 8080, which is the gateway's own: a default would send the gateway's requests to itself.
    ProviderPreset("llamacpp", nil, keys: ["LLAMACPP_API_KEY"], urlVariable: "LLAMACPP_BASE_URL", cancel: .stops),
    ProviderPreset(
      "lmstudio", "http://127.0.0.1:1234/v1", keys: ["LMSTUDIO_API_KEY"], urlVariable: "LMSTUDIO_BASE_URL",
      cancel: .stops),
    openAICompatible,
    ProviderPreset("custom", nil),
  ]
}
