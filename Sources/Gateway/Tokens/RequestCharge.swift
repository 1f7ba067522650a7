internal import HTTPWire
internal import TokenAccounting

/// What a request takes of limits where its tokens are not counted: by its endpoint, until its answer tells better.
///
/// The numbers are those of OpenAI's services, made round. `models.*.tokens.request` says another.
enum RequestCharge: Equatable {
  /// Nothing: it reads, deletes, or asks how many tokens a text has.
  case nothing
  /// What stands in its body is read: moderations, rerank, whatever a route passes through.
  case text
  /// Pictures are made.
  case pictures
  /// Its text is spoken.
  case speech
  /// A sound is written down.
  case sound

  /// A picture of 1024 × 1024 pixels of medium quality has 1,056 tokens.
  private static let picture = 1_056
  /// A body that is no JSON: a file that somebody will read.
  private static let file = 1
  private static let bytesPerToken = 4
  /// The sound that `models.*.tokens.audio` is of, in seconds.
  private static let soundSeconds = 30

  /// Judges a path behind `/v1`, in any spelling that is one of ours.
  static func of(_ method: HTTPMethod, _ target: [UInt8]) -> RequestCharge {
    switch method {
    case .post, .put, .patch: break
    default: return .nothing
    }
    let path = target.prefix { $0 != UInt8(ascii: "?") }
    let plain = Array(path).withUnsafeBytes { PercentEncoding.decode($0.bytes).lowercased() }
    if ["/count_tokens", "/input_tokens", "/tokenize", "/detokenize", ":counttokens"].contains(where: plain.contains) {
      return .nothing
    }
    if plain.contains("/images/") || plain.contains("/videos") { return .pictures }
    if plain.contains("/audio/speech") { return .speech }
    if plain.contains("/audio/") { return .sound }
    return .text
  }

  /// Whether what it takes is output.
  var isOutput: Bool { self == .pictures || self == .speech }

  /// Tokens of the request, nothing more being known.
  ///
  /// - Parameter pictures: how many are made.
  func tokens(bodyBytes: Int, isJSON: Bool, pictures: Int, _ tokens: ModelTokens?) -> Int {
    guard self != .nothing else { return 0 }
    if let request = tokens?.request { return request }
    switch self {
    case .nothing: return 0
    case .text: return isJSON ? max(1, bodyBytes / Self.bytesPerToken) : Self.file
    case .pictures: return Self.picture * max(1, pictures)
    case .speech: return max(1, bodyBytes)
    case .sound: return tokens?.media.audio ?? PromptMedia().audio
    }
  }

  /// Tokens of a sound of so many seconds.
  static func tokens(ofSeconds seconds: Int, _ tokens: ModelTokens?) -> Int {
    let audio = tokens?.media.audio ?? PromptMedia().audio
    return max(1, (min(seconds, 1_000_000) * audio + soundSeconds - 1) / soundSeconds)
  }
}
