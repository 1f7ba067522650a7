internal import Reactor

/// Sends one answer at its script's pace: says after each turn what it waits for.
struct AnswerSender {
  /// What has to happen before the next call.
  enum Outcome {
    /// The socket takes more, or it is somebody else's turn.
    case wantsWrite
    /// That time has come; `never` when only the client can end it.
    case wait(MonotonicTime)
    /// The client has gone.
    case gone
    /// The answer is over.
    case finished(Answer.Ending)
  }

  /// Writes in one turn; then other connections have theirs.
  private static let writesPerTurn = 64

  private var answer: Answer?
  private var hasBegun = false
  private var isStalled = false
  private var bytes: [UInt8] = []
  private var offset = 0
  private var writeEnd = 0
  private var page: WirePage?
  private var item = 0
  private var nextDue = MonotonicTime(nanoseconds: 0)
  private var nextComment = MonotonicTime.never

  /// How many token events were handed to the kernel.
  private(set) var tokensSent = 0
  /// When bytes were last sent.
  private(set) var lastSentAt = MonotonicTime(nanoseconds: 0)

  var script: Script { answer?.script ?? Script() }
  var isStream: Bool { answer?.plan != nil }
  var isWhole: Bool { answer?.isWhole ?? false }

  mutating func begin(_ answer: Answer) {
    self = AnswerSender()
    self.answer = answer
    bytes = answer.opening
    writeEnd = bytes.count
    item = answer.openingItems
  }

  /// Lets go of the answer.
  mutating func end() {
    answer = nil
    page = nil
    bytes = []
  }

  /// Sends what is due.
  mutating func send(to descriptor: Int32, now: MonotonicTime) -> Outcome {
    guard let answer else { return .wait(.never) }
    if !hasBegun { start(answer, now) }
    let split = answer.script.writeSplit
    var writesLeft = split > 0 ? 1 : Self.writesPerTurn
    while true {
      while offset < writeEnd {
        guard writesLeft > 0 else { return .wantsWrite }
        writesLeft -= 1
        let count = split > 0 ? min(split, writeEnd - offset) : writeEnd - offset
        let transfer = bytes.withUnsafeBytes { bytes in
          Socket.send(descriptor, UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
        }
        switch transfer {
        case .bytes(let sent):
          offset += sent
          lastSentAt = now
          if sent < count { return .wantsWrite }
        case .wouldBlock: return .wantsWrite
        case .end, .failed: return .gone
        }
      }
      if let outcome = next(answer, now) { return outcome }
    }
  }

  private mutating func start(_ answer: Answer, _ now: MonotonicTime) {
    hasBegun = true
    nextDue = now + answer.script.firstDelay
    if answer.script.keepAlive > .zero, !answer.comment.isEmpty { nextComment = now + answer.script.keepAlive }
  }

  /// Puts the next write in place, or says what it waits for.
  private mutating func next(_ answer: Answer, _ now: MonotonicTime) -> Outcome? {
    guard item < answer.itemCount, let plan = answer.plan else {
      guard answer.ending == .stall else { return .finished(answer.ending) }
      return pause(answer, until: .never, now)
    }
    let isPaced = plan.isPaced(item)
    if isPaced {
      if nextDue > now { return pause(answer, until: nextDue, now) }
      // From when it was due, not from when it was sent: a late turn does not slow the stream down.
      nextDue = nextDue + answer.script.gap
    }
    guard let page = page(answer, of: item) else { return .finished(answer.ending) }
    let first = item - page.firstItem
    var last = first
    while last - first + 1 < answer.script.coalesce, last + 1 < page.ends.count,
      plan.isPaced(page.firstItem + last + 1) == isPaced
    {
      last += 1
    }
    bytes = page.bytes
    offset = first == 0 ? 0 : page.ends[first - 1]
    writeEnd = page.ends[last]
    if isPaced { tokensSent += last - first + 1 }
    item = page.firstItem + last + 1
    return nil
  }

  private mutating func page(_ answer: Answer, of item: Int) -> WirePage? {
    if let page, item >= page.firstItem, item < page.firstItem + page.ends.count { return page }
    page = answer.page(of: item)
    return page
  }

  /// Waits, with a comment from time to time if the script asks for it.
  private mutating func pause(_ answer: Answer, until deadline: MonotonicTime, _ now: MonotonicTime) -> Outcome? {
    guard nextComment <= now else { return .wait(min(deadline, nextComment)) }
    nextComment = now + answer.script.keepAlive
    bytes = answer.comment
    offset = 0
    writeEnd = bytes.count
    return nil
  }
}
