/// Members of a request beside `model` that name models, or say where one runs, at upstreams that are gateways themselves (OpenRouter, LiteLLM, Vercel's) or
/// load adapters (SGLang, TGI).
///
/// Who may use some models only could reach others by them, and a limit by model would count the wrong one. So their presence is noted; whether they
/// may pass is decided where rights and limits are known.
public enum ModelNamingMember: String, CaseIterable, Equatable, Sendable {
  // OpenRouter: tried in order; how; a stored choice of model.
  case models, route, preset
  // LiteLLM: which model answers when this one fails; where; by which routing table.
  case fallbacks
  case contextWindowFallbacks = "context_window_fallbacks"
  case contentPolicyFallbacks = "content_policy_fallbacks"
  case contextWindowFallbackDict = "context_window_fallback_dict"
  case routerSettingsOverride = "router_settings_override"
  case customProvider = "custom_llm_provider"
  case modelList = "model_list"
  case userConfig = "user_config"
  case apiBase = "api_base"
  case baseURL = "base_url"
  // Others' names for the same.
  case fallback
  case fallbackModel = "fallback_model"
  case fallbackModels = "fallback_models"
  // Adapters: SGLang, TGI.
  case loraPath = "lora_path"
  case adapterID = "adapter_id"
  // What holds one of the above, or a `model`, somewhere inside.
  case extraBody = "extra_body"
  case liteLLMParameters = "litellm_params"
  case plugins
  case provider
  case providerOptions
  case providerOptionsSnake = "provider_options"

  /// Deeper than this nobody looks for a name; what is there counts as one.
  private static let depthMax = 8

  /// The member that bears the key.
  @inline(__always)
  init?(_ key: JSONKey) {
    // Nearly every key is told by its length and first letter.
    switch key.count {
    case 5 where key.matches("route"): self = .route
    case 6 where key.matches("models"): self = .models
    case 6 where key.matches("preset"): self = .preset
    case 7 where key.matches("plugins"): self = .plugins
    case 8 where key.matches("provider"): self = .provider
    case 8 where key.matches("fallback"): self = .fallback
    case 8 where key.matches("api_base"): self = .apiBase
    case 8 where key.matches("base_url"): self = .baseURL
    case 9 where key.matches("fallbacks"): self = .fallbacks
    case 9 where key.matches("lora_path"): self = .loraPath
    case 10 where key.matches("model_list"): self = .modelList
    case 10 where key.matches("extra_body"): self = .extraBody
    case 10 where key.matches("adapter_id"): self = .adapterID
    case 11 where key.matches("user_config"): self = .userConfig
    case 14 where key.matches("fallback_model"): self = .fallbackModel
    case 14 where key.matches("litellm_params"): self = .liteLLMParameters
    case 15 where key.matches("fallback_models"): self = .fallbackModels
    case 15 where key.matches("providerOptions"): self = .providerOptions
    case 16 where key.matches("provider_options"): self = .providerOptionsSnake
    case 19 where key.matches("custom_llm_provider"): self = .customProvider
    case 24...28:
      guard let member = Self.allCases.first(where: { key.equals($0.rawValue) }) else { return nil }
      self = member
    default: return nil
    }
  }

  /// Whether its presence is enough, or a name must stand inside it.
  private var isContainer: Bool {
    switch self {
    case .extraBody, .liteLLMParameters, .plugins, .provider, .providerOptions, .providerOptionsSnake: true
    default: false
    }
  }

  /// Moves past the value at the cursor and tells whether it names anything.
  func names(at cursor: inout JSONCursor) throws(JSONScanError) -> Bool {
    guard isContainer else { return try Self.isFilled(&cursor) }
    return try Self.holdsName(&cursor, depth: 0)
  }

  /// Whether a list of tools has one that names a model of its own, as some that run at the upstream do.
  public static func isNamed(byTools range: Range<Int>?, in body: RawSpan) -> Bool {
    guard let range, range.lowerBound >= 0, range.upperBound <= body.byteCount else { return false }
    return body.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return false }
      var cursor = JSONCursor(base, count: range.upperBound, limits: JSONLimits())
      cursor.position = range.lowerBound
      guard cursor.byte == UInt8(ascii: "[") else { return false }
      var found = false
      // The document was read as a whole before.
      try? cursor.forEachElement { (cursor) throws(JSONScanError) in
        guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
        try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
          found = found || cursor.byte == UInt8(ascii: "\"") && member.key.folded == Array("model".utf8)
          try cursor.skipValue()
        }
      }
      return found
    }
  }

  /// Moves past the value at the cursor; `null`, `false`, `""`, `[]` and `{}` hold nothing.
  private static func isFilled(_ cursor: inout JSONCursor) throws(JSONScanError) -> Bool {
    var isEmpty = false
    switch cursor.byte {
    case UInt8(ascii: "n"), UInt8(ascii: "f"): isEmpty = true
    case UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "\""):
      var inside = cursor
      let closing: UInt8 =
        switch cursor.byte {
        case UInt8(ascii: "["): UInt8(ascii: "]")
        case UInt8(ascii: "{"): UInt8(ascii: "}")
        default: UInt8(ascii: "\"")
        }
      inside.position &+= 1
      if closing != UInt8(ascii: "\"") { inside.skipWhitespace() }
      isEmpty = inside.byte == closing
    default: break
    }
    try cursor.skipValue()
    return !isEmpty
  }

  /// Moves past the value at the cursor and tells whether a member that names models stands in it, at any depth.
  private static func holdsName(_ cursor: inout JSONCursor, depth: Int) throws(JSONScanError) -> Bool {
    guard depth < depthMax else { return try isFilled(&cursor) }
    var found = false
    switch cursor.byte {
    case UInt8(ascii: "{"):
      try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
        let name = member.key.folded
        let isName =
          name == Array("model".utf8) || allCases.contains { !$0.isContainer && name == Array($0.rawValue.utf8) }
        let isThere = isName ? try isFilled(&cursor) : try holdsName(&cursor, depth: depth &+ 1)
        found = found || isThere
      }
    case UInt8(ascii: "["):
      try cursor.forEachElement { (cursor) throws(JSONScanError) in
        let isThere = try holdsName(&cursor, depth: depth &+ 1)
        found = found || isThere
      }
    default: try cursor.skipValue()
    }
    return found
  }
}
