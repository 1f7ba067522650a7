internal import CLinux
internal import ChatProtocol
internal import HTTPWire

/// What a request's path asks for.
enum Surface: Equatable {
  /// `/v1/chat/completions`: counted, streamed event by event, may be replayed elsewhere.
  case chatCompletions
  /// `/v1/completions`, likewise.
  case completions
  /// `/v1/embeddings`.
  case embeddings
  /// `/v1/models`.
  case models
  /// `/v1/models/{id}`; where the id stands in the path.
  case model(Range<Int>)
  /// `/v1/messages`: Anthropic's own, passed through and counted.
  case messages
  /// `/v1/responses`: OpenAI's later one, passed through and counted.
  case responses
  /// Other endpoints whose body, mostly JSON, names a model: passed through, routed by it.
  case jsonByModel
  /// Endpoints whose body, mostly a form, names a model.
  case multipartByModel
  /// Everything else below `/v1/` and `/v2/`: passed through by a configured route, or not at all.
  case byRoute
  /// `/livez`: the process runs.
  case live
  /// `/readyz`: it takes requests.
  case ready
  /// `/health`: the same with details.
  case health
  /// No such path.
  case unknown

  /// Judges the path of a request.
  static func of(_ path: Range<Int>, in bytes: RawSpan) -> Surface {
    bytes.withUnsafeBytes { all in
      let path = UnsafeRawBufferPointer(rebasing: all[path])
      guard path.starts(with: "/v1/") else { return path.starts(with: "/v2/") ? ofSecondVersion(path) : ofRoot(path) }
      let rest = UnsafeRawBufferPointer(rebasing: path[4...])
      for (spelling, surface) in known where rest.equals(spelling) { return surface }
      if rest.starts(with: "models/") && rest.count > 7 {
        return isGeminiCall(rest) ? .byRoute : .model(11..<path.count)
      }
      return rest.isEmpty ? .unknown : ofOtherSpelling(rest)
    }
  }

  /// Gemini's own calls have the model in the path and what to do with it behind a colon. Models' names may hold a colon as well.
  private static func isGeminiCall(_ rest: UnsafeRawBufferPointer) -> Bool {
    let calls: [StaticString] = [
      ":generateContent", ":streamGenerateContent", ":countTokens", ":embedContent", ":batchEmbedContents",
    ]
    return calls.contains { rest.ends(with: $0) }
  }

  /// An upstream may well serve `/v1/chat/completions/` or `/v1/Chat/%63ompletions`: what is checked for the one must be checked for the other.
  /// A suspicious spelling is not read at all: whoever asks for `isExactPath` shall find it suspicious.
  private static func ofOtherSpelling(_ rest: UnsafeRawBufferPointer) -> Surface {
    guard !RequestTarget.isSuspicious(rest.bytes) else { return .byRoute }
    var plain = PercentEncoding.decode(rest.bytes).lowercased()
    while plain.hasSuffix("/") { plain.removeLast() }
    for (spelling, surface) in known where plain == "\(spelling)" { return surface }
    return .byRoute
  }

  /// Cohere's and Jina's rerank in its second version names the model as the first does. Nothing else of that version is known here.
  private static func ofSecondVersion(_ path: UnsafeRawBufferPointer) -> Surface {
    path.equals("/v2/rerank") ? .jsonByModel : .byRoute
  }

  private static func ofRoot(_ path: UnsafeRawBufferPointer) -> Surface {
    if path.equals("/livez") { return .live }
    if path.equals("/readyz") { return .ready }
    if path.equals("/health") || path.equals("/healthz") { return .health }
    return .unknown
  }

  /// In the order of how often they are asked for.
  private static let known: [(StaticString, Surface)] = [
    ("chat/completions", .chatCompletions),
    ("completions", .completions),
    ("embeddings", .embeddings),
    ("models", .models),
    ("responses", .responses),
    ("messages", .messages),
    ("messages/count_tokens", .jsonByModel),
    ("responses/compact", .jsonByModel),
    ("responses/input_tokens", .jsonByModel),
    ("rerank", .jsonByModel),
    ("score", .jsonByModel),
    ("classify", .jsonByModel),
    ("pooling", .jsonByModel),
    ("tokenize", .jsonByModel),
    ("detokenize", .jsonByModel),
    ("videos", .jsonByModel),
    ("moderations", .jsonByModel),
    ("images/generations", .jsonByModel),
    ("images/edits", .multipartByModel),
    ("images/variations", .multipartByModel),
    ("audio/speech", .jsonByModel),
    ("audio/transcriptions", .multipartByModel),
    ("audio/translations", .multipartByModel),
  ]

  /// What the endpoint's bodies are read for.
  var fields: RequestFieldSet {
    switch self {
    case .chatCompletions: .chat
    case .completions: .completion
    case .embeddings: .embedding
    case .messages: .messages
    case .responses: .responses
    case .jsonByModel, .multipartByModel: .streamed
    default: .named
    }
  }

  /// Whether a request without a model makes no sense, so that no route is asked for one.
  var requiresModel: Bool {
    switch self {
    case .chatCompletions, .completions, .embeddings: true
    default: false
    }
  }

  /// Whether the answer may be an OpenAI chunk stream that is read event by event.
  var isChunkStream: Bool { self == .chatCompletions || self == .completions }

  /// The path behind `/v1` where it need not be copied from the request: that of the endpoint that nearly every request is for.
  var usualTarget: StaticString { self == .chatCompletions ? "/chat/completions" : "" }

  /// The path of an endpoint that has a case of its own.
  var path: StaticString? {
    switch self {
    case .chatCompletions: "/v1/chat/completions"
    case .completions: "/v1/completions"
    case .embeddings: "/v1/embeddings"
    case .messages: "/v1/messages"
    case .responses: "/v1/responses"
    default: nil
    }
  }

  /// Whether the path is beyond suspicion: compared as a whole, or found to be another spelling of one that is.
  var isExactPath: Bool {
    switch self {
    case .byRoute, .unknown: false
    default: true
    }
  }

  /// The methods that the endpoint knows, for 405's `allow`; nil when it takes any.
  var allowedMethods: StaticString? {
    switch self {
    case .chatCompletions, .completions, .embeddings, .multipartByModel: "POST, OPTIONS"
    case .models, .model, .live, .ready, .health: "GET, HEAD, OPTIONS"
    case .messages, .responses, .jsonByModel, .byRoute, .unknown: nil
    }
  }

  /// Whether the endpoint takes the method.
  func allows(_ method: HTTPMethod) -> Bool {
    switch self {
    case .chatCompletions, .completions, .embeddings, .multipartByModel: method == .post
    case .models, .model, .live, .ready, .health: method == .get || method == .head
    case .messages, .responses, .jsonByModel, .byRoute: method != .other && method != .connect && method != .trace
    case .unknown: true
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Whether the bytes are exactly `text`.
  func equals(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && starts(with: text)
  }

  /// Whether the bytes end with `text`.
  func ends(with text: StaticString) -> Bool {
    count >= text.utf8CodeUnitCount
      && UnsafeRawBufferPointer(rebasing: self[(count - text.utf8CodeUnitCount)...]).equals(text)
  }

  /// Whether the bytes begin with `text`.
  func starts(with text: StaticString) -> Bool {
    guard count >= text.utf8CodeUnitCount, let baseAddress else { return text.utf8CodeUnitCount == 0 }
    return memcmp(baseAddress, text.utf8Start, text.utf8CodeUnitCount) == 0
  }
}
