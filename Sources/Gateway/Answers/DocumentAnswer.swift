internal import ChatProtocol

/// An answer that comes as one document: judged before any of it goes, kept as far as its usage has to be found in it.
struct DocumentAnswer {
  /// No more is held back to be judged than this; a longer one that has begun like an answer is one.
  private static let heldBytesMax = 64 << 10
  /// A whole answer up to this size is kept to read its usage.
  private static let keptBytesMax = 8 << 20
  /// So much of a longer one is kept of its end.
  private static let keptEndBytes = 64 << 10

  /// What is to be done with a piece.
  enum Step {
    /// It waits with the others. Blank ones only show that the upstream is at work.
    case waits(isBlank: Bool)
    /// It goes on as it lies.
    case passes
    /// All that was kept goes on.
    case releases
    /// It is no answer.
    case isNone(what: String, words: String?)
  }

  /// What it must be; nil where it is passed on as it comes.
  private let kind: AnswerKind?
  /// Whether it is JSON that is read.
  let isRead: Bool
  private(set) var kept: [UInt8] = []
  private var isJudged: Bool
  /// Whether the whole of it has been read.
  private(set) var isWhole = false

  /// - Parameters:
  ///   - kind: what it must be to be an answer; nil when anything is.
  ///   - isRead: its usage is to be found.
  init(_ kind: AnswerKind?, isRead: Bool) {
    self.kind = kind
    self.isRead = isRead
    isJudged = kind == nil
  }

  /// Takes a piece; when it is the last, `read` gets the whole document, or of a long one its end.
  mutating func take(
    _ piece: UnsafeRawBufferPointer, isLast: Bool, _ read: (UnsafeRawBufferPointer) -> Void
  ) -> Step {
    isWhole = isLast
    guard !isJudged, let kind else {
      if isRead { keep(piece, isLast: isLast, read) }
      return .passes
    }
    if kept.isEmpty && isLast {
      // The whole answer in one piece: read where it lies.
      let step = Self.judge(piece, kind)
      if case .passes = step { read(piece) }
      return step
    }
    kept.append(contentsOf: piece)
    if isLast {
      guard case .isNone(let what, let words) = kept.withUnsafeBytes({ Self.judge($0, kind) }) else {
        kept.withUnsafeBytes { read($0) }
        return .releases
      }
      return .isNone(what: what, words: words)
    }
    guard kept.count >= Self.heldBytesMax else { return opening }
    isJudged = true
    return kept.withUnsafeBytes { AnswerOpening($0.bytes) } == .json ? .releases : .isNone(what: Self.page, words: nil)
  }

  /// What of the document has come so far.
  private var opening: Step {
    switch kept.withUnsafeBytes({ AnswerOpening($0.bytes) }) {
    case .undecided: .waits(isBlank: true)
    case .json: .waits(isBlank: false)
    case .events, .other: .isNone(what: Self.page, words: nil)
    }
  }

  private static let page = "a body that is no JSON"

  private static func judge(_ document: UnsafeRawBufferPointer, _ kind: AnswerKind) -> Step {
    switch AnswerJudge.judge(document.bytes, as: kind) {
    case .answer: return .passes
    case .failure(let message):
      let words = message.map { String($0.text(in: document.bytes).prefix(512)) }
      return .isNone(what: "an error with a status of success", words: words)
    case .notAnAnswer(let fault): return .isNone(what: "a body that \(fault.message)", words: nil)
    }
  }

  private mutating func keep(_ piece: UnsafeRawBufferPointer, isLast: Bool, _ read: (UnsafeRawBufferPointer) -> Void) {
    if isLast && kept.isEmpty { return read(piece) }
    if kept.count + piece.count > Self.keptBytesMax { kept = Array(kept.suffix(Self.keptEndBytes)) }
    kept.append(contentsOf: piece)
    if isLast { kept.withUnsafeBytes { read($0) } }
  }
}
