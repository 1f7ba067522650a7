/// Gathers what the parts of an error document say of its kind.
///
/// Names are the surest sign, then the words, then bare status numbers. Sources: the error pages of OpenAI, Azure
/// OpenAI, Anthropic, Gemini, Bedrock, Mistral, DeepSeek, Moonshot, Zhipu, DashScope, Volcengine, Qianfan, MiniMax and
/// OpenRouter, and the words that vLLM, llama.cpp and Ollama have in their sources, all as of November 2026.
struct ErrorSigns {
  private var byName = ErrorKind.other
  private var byNumber = ErrorKind.other
  /// Something was not found; whether it is the model the words tell.
  private var isNotFound = false

  mutating func note(_ kind: ErrorKind) {
    if Self.rank(kind) > Self.rank(byName) { byName = kind }
  }

  /// A code or type. The same name is written in many ways: `data_inspection_failed`, `DataInspectionFailed`.
  mutating func note(code: String) {
    if let number = Int(code) { return note(number: number) }
    let name = String(decoding: code.utf8.compactMap(Self.folded), as: UTF8.self)
    if Self.notFound.contains(name) { isNotFound = true }
    if let kind = Self.names[name] {
      note(kind)
    } else if name.hasPrefix("throttling") || name.contains("ratelimitexceeded") {
      // Throttling.RateQuota of DashScope, ModelAccountTpmRateLimitExceeded and RateLimitExceeded.EndpointRPMExceeded
      // of Volcengine.
      note(.rateLimited)
    } else if name.hasPrefix("sensitivecontentdetected") || name.hasSuffix("textriskdetection") {
      note(.contentFilter)
    }
  }

  mutating func note(number: Int) {
    switch number {
    case 402: byNumber = .quota
    case 429: byNumber = .rateLimited
    case 404: isNotFound = true
    // Zhipu.
    case 1261: note(.contextLength)
    case 1301: note(.contentFilter)
    case 1113, 1304, 1308, 1310: note(.quota)
    case 1302, 1303, 1305: note(.rateLimited)
    case 1211: note(.modelNotFound)
    // Mistral.
    case 1300, 3505: note(.rateLimited)
    default: break
    }
  }

  mutating func note(miniMaxStatus status: Int) {
    switch status {
    case 1002: note(.rateLimited)
    case 1008, 2056: note(.quota)
    case 1026, 1027: note(.contentFilter)
    case 1039: note(.contextLength)
    default: break
    }
  }

  func kind(words: String?) -> ErrorKind {
    guard byName == .other else { return byName }
    let words = words?.lowercased() ?? ""
    for (kind, phrases) in Self.phrases where phrases.contains(where: words.contains) { return kind }
    if words.contains("model") {
      if isNotFound || Self.absences.contains(where: words.contains) { return .modelNotFound }
    }
    return byNumber
  }

  /// Where a document says several things, the more telling one counts: OpenAI's `insufficient_quota` may stand beside
  /// a type for rate limits.
  private static func rank(_ kind: ErrorKind) -> Int {
    switch kind {
    case .contentFilter: 5
    case .contextLength: 4
    case .quota: 3
    case .modelNotFound: 2
    case .rateLimited: 1
    case .other: 0
    }
  }

  /// Letters in lower case and digits; nothing else tells names apart.
  private static func folded(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
    default: nil
    }
  }

  private static let names: [String: ErrorKind] = [
    // OpenAI; llama.cpp; Qianfan.
    "contextlengthexceeded": .contextLength, "exceedcontextsizeerror": .contextLength, "tokenstoolong": .contextLength,
    "characterstoolong": .contextLength,
    // OpenAI, also of pictures and in responses; Azure; DashScope; Qianfan.
    "contentfilter": .contentFilter, "contentpolicyviolation": .contentFilter, "moderationblocked": .contentFilter,
    "imagecontentpolicyviolation": .contentFilter, "biopolicy": .contentFilter,
    "misalignmentpolicyviolation": .contentFilter, "responsibleaipolicyviolation": .contentFilter,
    "datainspectionfailed": .contentFilter, "unsaferequest": .contentFilter,
    // OpenAI; Anthropic; Moonshot; DashScope; Volcengine; Gemini's interactions; other gateways.
    "insufficientquota": .quota, "billinghardlimitreached": .quota, "billingnotactive": .quota, "billingerror": .quota,
    "exceededcurrentquotaerror": .quota, "arrearage": .quota, "allocationquotafreetieronly": .quota,
    "accountoverdueerror": .quota, "quotaexceeded": .quota, "insufficientbalance": .quota, "budgetexceeded": .quota,
    // OpenAI; Anthropic; Moonshot; Mistral; Gemini; Bedrock; DashScope.
    "ratelimitexceeded": .rateLimited, "ratelimiterror": .rateLimited, "ratelimitreachederror": .rateLimited,
    "ratelimited": .rateLimited, "servicetiercapacityexceeded": .rateLimited, "resourceexhausted": .rateLimited,
    "toomanyrequests": .rateLimited, "limitrequests": .rateLimited,
    // OpenAI and DashScope; Qianfan; Volcengine; Azure.
    "modelnotfound": .modelNotFound, "invalidmodel": .modelNotFound, "invalidendpointormodelnotfound": .modelNotFound,
    "modelnotopen": .modelNotFound, "deploymentnotfound": .modelNotFound,
  ]

  /// Anthropic and vLLM; Gemini; Bedrock.
  private static let notFound: Set<String> = ["notfounderror", "notfound", "resourcenotfoundexception"]

  /// In lower case.
  private static let phrases: [(ErrorKind, [String])] = [
    (
      .contextLength,
      [
        // Anthropic, Bedrock, OpenAI responses, Gemini, xAI, Groq, OpenAI chat and vLLM and Mistral, llama.cpp,
        // MiniMax, Moonshot, DashScope.
        "prompt is too long", "input is too long", "exceeds the context window", "input token count",
        "maximum prompt length is", "reduce the length of the messages", "maximum context length",
        "exceeds the available context size", "context window exceeds limit", "exceeded model token limit",
        "range of input length should be",
      ]
    ),
    (
      .contentFilter,
      [
        // OpenAI and its pictures, Azure, DashScope, OpenRouter.
        "flagged as potentially violating", "result of our safety system", "content management policy",
        "inappropriate content", "your input was flagged",
      ]
    ),
    (
      .quota,
      [
        // DeepSeek, OpenAI, Anthropic twice, OpenRouter, DashScope.
        "insufficient balance", "exceeded your current quota", "credit balance is too low",
        "specified api usage limits", "insufficient credits", "account is in good standing",
      ]
    ),
    (.rateLimited, ["rate limit", "too many requests"]),
  ]

  /// What is said of a model that is not there.
  private static let absences = ["not found", "not exist", "not a valid model", "unknown model"]
}
