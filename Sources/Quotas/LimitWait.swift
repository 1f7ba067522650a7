internal import RateLimiting
internal import Reactor

/// A request or a stream that waits; one timer for its bound.
final class LimitWait: TimerHandler {
  enum Kind {
    case admission(PendingAdmission)
    /// A stream, and the units that it needs at once.
    case stream(AppliedShare, need: Int)
  }

  let id: LimitWaitID
  let kind: Kind
  private let waiter: any LimitWaiter
  private weak let desk: LimitDesk?
  var timer: Reactor.TimerID?
  /// The stream's; not kept alive, for a grant that is dropped has ended.
  weak var grant: LimitGrant?
  /// In whose queue it stands.
  var subject: SubjectRef?
  /// Of which concurrency limit it waits for a slot.
  var slotID: String?
  var isOver = false
  var isCancelled = false

  init(_ id: LimitWaitID, _ kind: Kind, _ waiter: any LimitWaiter, _ desk: LimitDesk) {
    self.id = id
    self.kind = kind
    self.waiter = waiter
    self.desk = desk
  }

  func timerFired(token: UInt32) {
    timer = nil
    desk?.expired(self)
  }

  func tell(_ result: LimitWaitResult) {
    guard !isCancelled else {
      if case .admitted(let grant) = result { grant.abandon() }
      return
    }
    waiter.limitWaitEnded(id, result)
  }
}

/// A request on its way through the limits.
final class PendingAdmission {
  let request: LimitRequest
  let slotShares: [AppliedShare]
  var shares: [AppliedShare]
  let expected: Int
  let horizonMilliseconds: Int
  let beganAt: Int
  var slots: [HeldSlot] = []
  /// Set while it waits.
  weak var wait: LimitWait?
  /// It has been refused, admitted or cancelled: a slot that comes later goes back.
  var isOver = false
  /// The store has just refused a slot.
  var slotWasRefused = false
  /// Its time is up: what cannot be had now is refused.
  var isLastTry = false

  init(
    _ request: LimitRequest, _ applied: [AppliedShare], expected: Int, horizonMilliseconds: Int, beganAt: Int
  ) {
    self.request = request
    slotShares = applied.filter { $0.subject == nil }
    shares = applied.filter { $0.subject != nil }
    self.expected = expected
    self.horizonMilliseconds = horizonMilliseconds
    self.beganAt = beganAt
  }

  /// The prompt in the limit's units.
  func prompt(_ share: AppliedShare) -> Int { share.cost.units(of: TokenUsage(input: request.promptTokens)) }

  /// The expected output in the limit's units.
  func output(_ share: AppliedShare) -> Int {
    LimitGrant.units(expected, share.perThousand)
  }

  /// What is to be drawn at once: the prompt and the first of the output.
  func draw(_ share: AppliedShare) -> Int {
    prompt(share) + LimitGrant.units(min(LimitGrant.outputAhead, expected), share.perThousand)
  }
}
