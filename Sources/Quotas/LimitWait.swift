internal import RateLimiting
internal import Reactor

/// Told when the time of a wait is up.
protocol LimitWaitOwner: AnyObject {
  func expired(_ wait: LimitWait)
}

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
  private weak let desk: (any LimitWaitOwner)?
  var timer: Reactor.TimerID?
  /// When it ends at the latest.
  var deadline = Int.max
  /// The stream's; not kept alive, for a grant that is dropped has ended.
  weak var grant: LimitGrant?
  /// In whose queue it stands.
  var subject: SubjectRef?
  /// Of which concurrency limit it waits for a slot.
  var slotID: String?
  var isOver = false
  var isCancelled = false

  init(_ id: LimitWaitID, _ kind: Kind, _ waiter: any LimitWaiter, _ desk: any LimitWaitOwner) {
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
  let need: RequestNeed
  let slotShares: ContiguousArray<AppliedShare>
  /// Found anew when a subject has been dropped meanwhile.
  var set: LimitSet
  let beganAt: Int
  var slots = SlotList()
  /// Set while it waits.
  weak var wait: LimitWait?
  /// It has been refused, admitted or cancelled: a slot that comes later goes back.
  var isOver = false
  /// The store has just refused a slot.
  var slotWasRefused = false
  /// Its time is up: what cannot be had now is refused.
  var isLastTry = false

  init(_ request: LimitRequest, _ need: RequestNeed, _ set: LimitSet, beganAt: Int) {
    self.request = request
    self.need = need
    self.set = set
    slotShares = set.slotShares
    self.beganAt = beganAt
  }
}
