internal import ChatProtocol
internal import TokenAccounting

/// An answer that comes as one document: judged before any of it goes, and read for what it cost. A long one is read as it passes, and not kept.
struct DocumentAnswer {
  /// No more is held back to be judged, or kept to be read whole, than this; a longer one that has begun like an answer is one.
  private static let keptBytesMax = 64 << 10

  /// What is to be done with a piece.
  enum Step {
    /// It waits with the others. Blank ones only show that the upstream is at work.
    case waits(isBlank: Bool)
    /// It goes on as it lies.
    case passes
    /// All that was kept goes on.
    case releases
    /// It goes on, and is the last piece of a document that has no end.
    case breaksOff
    /// It is no answer.
    case isNone(what: String, words: String?)
  }

  /// What it must be; nil where it is passed on as it comes.
  private let kind: AnswerKind?
  /// Whether it is JSON that is read.
  let isRead: Bool
  private(set) var kept: [UInt8] = []
  /// What is read of a long one.
  private(set) var long: LongDocument?
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

  /// Takes a piece; when it is the last, `read` gets the whole document, unless it is long, and its usage where it is known already.
  ///
  /// - Parameter newCounter: makes what counts the texts of a long one.
  mutating func take(
    _ piece: UnsafeRawBufferPointer, isLast: Bool, newCounter: () -> AnswerCounter?,
    _ read: (UnsafeRawBufferPointer, TokenUsage?) -> Void
  ) -> Step {
    isWhole = isLast
    if let long { return pass(piece, long, isLast: isLast) }
    guard !isJudged, let kind else {
      if isRead { keep(piece, isLast: isLast, newCounter, read) }
      return .passes
    }
    if kept.isEmpty && isLast {
      // The whole answer in one piece: read where it lies.
      if kind == .chunks, let usage = AnswerJudge.plainUsage(piece.bytes) {
        read(piece, usage)
        return .passes
      }
      let step = Self.judge(piece, kind)
      if case .passes = step { read(piece, nil) }
      return step
    }
    kept.append(contentsOf: piece)
    if isLast { return judgeKept(kind, read) }
    guard kept.count >= Self.keptBytesMax else { return opening }
    guard kept.withUnsafeBytes({ AnswerOpening($0.bytes) }) == .json else {
      return .isNone(what: Self.page, words: nil)
    }
    isJudged = true
    beginLong(newCounter())
    return .releases
  }

  private func judgeKept(_ kind: AnswerKind, _ read: (UnsafeRawBufferPointer, TokenUsage?) -> Void) -> Step {
    guard case .isNone(let what, let words) = kept.withUnsafeBytes({ Self.judge($0, kind) }) else {
      kept.withUnsafeBytes { read($0, nil) }
      return .releases
    }
    return .isNone(what: what, words: words)
  }

  private mutating func beginLong(_ counter: AnswerCounter?) {
    let long = LongDocument(counter)
    kept.withUnsafeBytes { long.take($0) }
    self.long = long
  }

  /// The storage of what was kept, which goes on.
  mutating func takeKept() -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &kept)
    return taken
  }

  private func pass(_ piece: UnsafeRawBufferPointer, _ long: LongDocument, isLast: Bool) -> Step {
    long.take(piece)
    return isLast && kind != nil && !long.isWhole ? .breaksOff : .passes
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

  private mutating func keep(
    _ piece: UnsafeRawBufferPointer, isLast: Bool, _ newCounter: () -> AnswerCounter?,
    _ read: (UnsafeRawBufferPointer, TokenUsage?) -> Void
  ) {
    if isLast && kept.isEmpty { return read(piece, nil) }
    kept.append(contentsOf: piece)
    if isLast { return kept.withUnsafeBytes { read($0, nil) } }
    guard kept.count > Self.keptBytesMax else { return }
    beginLong(newCounter())
    kept = []
  }
}
