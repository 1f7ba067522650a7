internal import ChatProtocol
internal import Lifecycle

/// An upstream's error, gathered to be judged, and to be passed on whole where it is the caller's.
struct ErrorAnswer {
  /// It is passed on up to this size.
  static let bytesMax = 64 << 10

  let status: Int
  /// Whether it is a document that clients can read.
  let isJSON: Bool
  private(set) var kept: [UInt8] = []

  init(status: Int, isJSON: Bool) {
    self.status = status
    self.isJSON = isJSON
  }

  /// Takes a piece; whether no more is of use.
  mutating func take(_ piece: UnsafeRawBufferPointer) -> Bool {
    kept.append(contentsOf: piece.prefix(Self.bytesMax - kept.count))
    return kept.count >= Self.bytesMax
  }

  /// What it says of the attempt.
  func fault(namesModel: Bool, _ upstream: UpstreamRuntime) -> Fault {
    let said = isJSON ? ErrorBody(kept.span.bytes) : nil
    let kind = Self.kind(status, said, namesModel: namesModel)
    let isPassedOn = Self.isPassedOn(kind, status: status)
    // What is said of the gateway's key is not for the client.
    let words = kind == .key ? nil : Redaction.cleaned(said?.message, without: upstream.secrets)
    let error: GatewayError =
      isPassedOn
      ? .foreignError(status: status, words: words, upstream: upstream.name)
      : .refusedGateway(status: status, words: words, upstream: upstream.name)
    return Fault(kind: kind, error: error, reason: "status \(status)", isPassedOn: isPassedOn)
  }

  /// Whether status and words are the client's to hear: they are not where they speak of the gateway.
  static func isPassedOn(_ kind: FaultClass, status: Int) -> Bool {
    switch kind {
    case .caller, .contextLength, .contentFilter, .rateLimited, .overloaded, .upstream: true
    default: status == 408
    }
  }

  private static func kind(_ status: Int, _ said: ErrorBody?, namesModel: Bool) -> FaultClass {
    switch said?.kind {
    case .contentFilter where status == 400 || status == 403 || status == 422: return .contentFilter
    case .contextLength where status == 400 || status == 413 || status == 422: return .contextLength
    default: return FaultClass(status: status, namesModel: namesModel)
    }
  }

  /// The document for the client: the upstream's own, or ours in its place; with nothing secret in it.
  func document(_ error: GatewayError, in dialect: Dialect, without secrets: [[UInt8]]) -> [UInt8] {
    let isWhole = isJSON && !kept.isEmpty && kept.count < Self.bytesMax
    var body = isWhole ? kept : dialect.body(of: error)
    for secret in secrets { Redaction.blank(secret, in: &body) }
    return body
  }
}
