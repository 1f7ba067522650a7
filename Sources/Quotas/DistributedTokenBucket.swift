internal import RateLimiting
public import Reactor

/// Told by the bucket, on its reactor.
protocol BucketOwner: AnyObject {
  /// Who waits at that place may find something now.
  func unitsMayHaveCome(_ subject: SubjectRef)
}

/// A subject's place in the bucket's array; outlived by a later one at the same place.
struct SubjectRef: Sendable, Hashable {
  let place: Int32
  let generation: UInt32
}

/// All token buckets of one reactor: a ``LeaseLedger`` for each limit and subject, in one dense array behind an index, and their talk with the store.
///
/// Units are drawn and settled synchronously on the reactor (``here(_:)``). Afterwards the ledger says whether the store is to be asked, and when to look
/// again; a subject that is idle has no timer, no queue, nothing but its ledger and its name, and is dropped when what it has seen has expired.
public actor DistributedTokenBucket {
  /// Requests that may wait for one subject's units.
  static let waitingMax = 1024
  /// While the store is away, who waits for the node's own bucket looks again after so long.
  static let localRetryMilliseconds = 50
  /// What is to be looked at later than this is looked at a little later still, together with others.
  static let distantMilliseconds = 256
  /// The store is told what is held so long after it has changed: with the archive's pause, the most that a kill loses.
  static let notePauseMilliseconds = 40
  /// A store that answers at once is asked at most so often in one go.
  static let asksInOneGoMax = 4

  struct Subject {
    var ledger = LeaseLedger()
    /// The bucket's name at the store; empty for a place that is free.
    var id: String
    var armedAt = Int.max
    var generation: UInt32
    var terms: Int32
    /// Its place among those in use; -1 for none.
    var active: Int32 = -1
    /// Its limit, by the number that ``SubjectCounts`` gave it.
    var limit: Int16 = 0
    /// When it was made, in seconds, modulo 256.
    var madeAt: UInt8 = 0
    /// The store is to be told what is held.
    var isToBeNoted = false
  }

  /// What only a subject in use has.
  struct Active {
    var queue = AdmissionQueue(waitingMax: DistributedTokenBucket.waitingMax)
    var lookAhead = LookAhead()
    /// Units that running requests have drawn and not spent.
    var unspent = 0
    /// The least that was shown of a quota's rest while it was in use.
    var shownLeast = Int.max
    /// While it is free: the next that is; -1 for none.
    var nextFree: Int32 = -1

    @inline(__always)
    func isIdle(now: Int) -> Bool { lookAhead.running == 0 && queue.isEmpty && lookAhead.factor(at: now) == 1 }
  }

  /// What of terms is looked at in each request.
  struct ShortTerms {
    let lease: LeaseTerms.Short
    let burst: Int
    let initial: Int
    let isQuota: Bool
    /// The store is to be told what is held.
    let isNoted: Bool
  }

  /// The reactor, as this actor's executor.
  public nonisolated let unownedExecutor: UnownedSerialExecutor
  /// The reactor that it lives on.
  public nonisolated let reactor: Reactor
  let storage: any BucketStorage
  let node: String
  private weak var owner: (any BucketOwner)?

  var subjects = PlaceTable<Subject>()
  var places = PlaceIndex()
  var free: [Int32] = []
  /// How many subjects there are of each limit.
  var counts = SubjectCounts()
  /// Subjects of the request that is looked up: none of them makes room for another.
  var kept: [Int32] = []
  var terms: ContiguousArray<LeaseTerms> = []
  /// The same in short, at the same places.
  var shortTerms = PlaceTable<ShortTerms>()
  /// Subjects in use, at the places that they tell themselves: a table would be searched a dozen times in each request.
  var active = PlaceTable<Active>()
  private var freeActive: Int32 = -1
  var sweepAt = 0
  private let keepsHeld: Bool
  /// Quotas of which the store is to be told what is held.
  private var toBeNoted: [Int32] = []
  /// Subjects to look at later, by time in steps of 64 ms.
  private var distant: [Int: [Int32]] = [:]
  /// Requests sent to the store so far.
  private(set) var asks = 0

  init(reactor: Reactor, storage: any BucketStorage, node: String) {
    self.reactor = reactor
    self.storage = storage
    keepsHeld = storage.keepsHeld
    self.node = node
    unownedExecutor = reactor.asUnownedSerialExecutor()
  }

  func report(to owner: any BucketOwner) { self.owner = owner }

  var now: Int { Int(clamping: reactor.now.nanoseconds / 1_000_000) }

  /// Subjects that are known.
  var count: Int { places.count }

  // MARK: Subjects

  /// The number of terms that subjects share.
  func register(_ new: LeaseTerms) -> Int32 {
    if let same = terms.lastIndex(of: new) { return Int32(same) }
    terms.append(new)
    let isQuota = new.bucket.rate.isNone
    shortTerms.append(
      ShortTerms(
        lease: new.short, burst: new.bucket.burst, initial: new.bucket.initial, isQuota: isQuota,
        isNoted: keepsHeld && isQuota))
    return Int32(terms.count - 1)
  }

  /// Whether the place is still that subject's.
  @inline(__always)
  func isCurrent(_ subject: SubjectRef) -> Bool {
    subjects.pointer(Int(subject.place)).pointee.generation == subject.generation
  }

  // MARK: The store

  /// After units have come or gone: whether nobody waits, there is nothing to say to the store, nothing to arm and nothing to note, as nearly always. If not,
  /// ``pump(_:wanted:isRunning:_:_:)`` is to be called.
  @inline(__always)
  func isAtRest(_ subject: UnsafeMutablePointer<Subject>, _ now: Int, _ condition: StoreCondition) -> Bool {
    let terms = shortTerms.pointer(Int(subject.pointee.terms))
    return condition == .present && subject.pointee.ledger.isAtRest(terms.pointee.lease, now: now)
      && (!terms.pointee.isNoted || subject.pointee.isToBeNoted)
      && (subject.pointee.armedAt <= subject.pointee.ledger.idleAt(terms.pointee.lease)
        || subject.pointee.ledger.isAsking)
      && !hasQueue(subject)
  }

  /// Says to the store what the ledger has to say, and arms the timer for when it has more.
  ///
  /// - Parameter wanted: units that a caller needs who does not wait in the queue.
  func pump(_ place: Int32, wanted: Int = 0, isRunning: Bool = false) {
    pump(place, wanted: wanted, isRunning: isRunning, now, storage.condition)
  }

  func pump(_ place: Int32, wanted: Int = 0, isRunning: Bool = false, _ now: Int, _ condition: StoreCondition) {
    let index = Int(place)
    for _ in 0..<Self.asksInOneGoMax {
      let first = firstInQueue(index)
      let need = max(first?.need ?? 0, wanted)
      let number = Int(subjects[index].terms)
      let step = subjects[index].ledger.next(
        needing: need, waiting: needInQueue(index) + wanted, isRunning: first?.isRunning ?? (wanted == 0 || isRunning),
        isAlone: running(index) == 0, terms[number], now: now, condition)
      switch step {
      case .rest(var until):
        if keepsHeld { noteHeldSoon(index) }
        if first != nil, condition == .away { until = min(until, now + Self.localRetryMilliseconds) }
        return arm(place, until, now)
      case .ask(let request): if !ask(place, request, wanted: wanted, now) { return }
      }
    }
    arm(place, now + 1, now)
  }

  /// Sends a request; whether it is answered already.
  private func ask(_ place: Int32, _ request: LeaseRequest, wanted: Int, _ now: Int) -> Bool {
    let index = Int(place)
    asks &+= 1
    let subject = SubjectRef(place: place, generation: subjects[index].generation)
    let sequence = request.sequence
    let reply = storage.lease(
      subjects[index].id, request, terms[Int(subjects[index].terms)].bucket, node: node
    ) { reply in
      self.here { $0.told(subject, sequence, reply) }
    }
    guard let reply else { return false }
    let isMore = subjects[index].ledger.answered(
      reply, sequence: sequence, terms[Int(subjects[index].terms)], now: now)
    // A caller who asks for itself draws when this returns; who waits comes after.
    if isMore && wanted == 0 { owner?.unitsMayHaveCome(subject) }
    return true
  }

  private func told(_ subject: SubjectRef, _ sequence: Int, _ reply: LeaseReply?) {
    guard isCurrent(subject) else { return }
    let index = Int(subject.place)
    let terms = terms[Int(subjects[index].terms)]
    if let reply {
      _ = subjects[index].ledger.answered(reply, sequence: sequence, terms, now: now)
      // Also when nothing was granted: who waits in vain is told so now.
      owner?.unitsMayHaveCome(subject)
    } else {
      subjects[index].ledger.failed(sequence: sequence, terms, now: now)
    }
    pump(subject.place)
  }

  func arm(_ place: Int32, _ until: Int, _ now: Int) {
    guard until < subjects[Int(place)].armedAt else { return }
    subjects[Int(place)].armedAt = until
    guard until - now < Self.distantMilliseconds else { return armRoughly(place, until) }
    let due = MonotonicTime(nanoseconds: UInt64(clamping: max(0, until)) * 1_000_000)
    _ = reactor.startTimer(at: due, Bridge(self), token: UInt32(bitPattern: place))
  }

  /// What is far off, such as the return of idle credit, need not be exact: one timer for all of the same 64 ms, and four bytes for each.
  private func armRoughly(_ place: Int32, _ until: Int) {
    let slot = (until >> 6) + 1
    distant[slot, default: []].append(place)
    guard distant[slot]?.count == 1 else { return }
    let due = MonotonicTime(nanoseconds: UInt64(clamping: slot << 6) * 1_000_000)
    _ = reactor.startTimer(at: due, Bridge(self), token: Bridge.distantToken)
  }

  private func distantTimerFired() {
    let now = now
    for slot in distant.keys.filter({ $0 << 6 <= now }) {
      for place in distant.removeValue(forKey: slot) ?? [] { timerFired(place) }
    }
  }

  private func timerFired(_ place: Int32) {
    // An earlier time may have been armed after this one: then this is for nothing, and harmless.
    if subjects[Int(place)].armedAt <= now { subjects[Int(place)].armedAt = .max }
    guard !subjects[Int(place)].id.isEmpty else { return }
    if firstInQueue(Int(place)) != nil {
      owner?.unitsMayHaveCome(SubjectRef(place: place, generation: subjects[Int(place)].generation))
    }
    pump(place)
    // Idle: what was learned of cuts here is forgotten with it.
    let number = Int(subjects[Int(place)].active)
    if number >= 0, active[number].queue.isEmpty, active[number].lookAhead.running == 0,
      subjects[Int(place)].ledger.isEmpty
    {
      deactivate(Int(place))
    }
  }

  // MARK: What is held

  /// What is held of a quota has changed: the store is told with other changes of the same while.
  func noteHeldSoon(_ index: Int) {
    guard keepsHeld, !subjects[index].isToBeNoted, terms[Int(subjects[index].terms)].bucket.rate.isNone else { return }
    subjects[index].isToBeNoted = true
    toBeNoted.append(Int32(index))
    guard toBeNoted.count == 1 else { return }
    let due = reactor.now + .milliseconds(Self.notePauseMilliseconds)
    _ = reactor.startTimer(at: due, Bridge(self), token: Bridge.noteToken)
  }

  private func noteHeld() {
    for place in toBeNoted {
      let index = Int(place)
      subjects[index].isToBeNoted = false
      guard !subjects[index].id.isEmpty else { continue }
      let balance = subjects[index].ledger.balance
      storage.noteHeld(subjects[index].id, balance, terms[Int(subjects[index].terms)].bucket, node: node)
    }
    toBeNoted.removeAll(keepingCapacity: true)
  }

  // MARK: Subjects in use

  /// Whether somebody waits there.
  @inline(__always)
  func hasQueue(_ subject: UnsafeMutablePointer<Subject>) -> Bool {
    let number = Int(subject.pointee.active)
    return number >= 0 && !active.pointer(number).pointee.queue.isEmpty
  }

  func firstInQueue(_ index: Int) -> AdmissionQueue.Waiter? {
    let number = Int(subjects[index].active)
    return number < 0 ? nil : active[number].queue.first
  }

  /// Streams that run here under the limit.
  private func running(_ index: Int) -> Int {
    let number = Int(subjects[index].active)
    return number < 0 ? 0 : active[number].lookAhead.running
  }

  /// What all who wait there need together.
  private func needInQueue(_ index: Int) -> Int {
    let number = Int(subjects[index].active)
    return number < 0 ? 0 : active[number].queue.needInAll
  }

  /// The place among those in use, made if there is none.
  @inline(__always)
  func activate(_ index: Int) -> Int {
    let known = subjects[index].active
    if known >= 0 { return Int(known) }
    let number = freeActive < 0 ? Int32(active.count) : freeActive
    if Int(number) == active.count { active.append(Active()) } else { freeActive = active[Int(number)].nextFree }
    subjects[index].active = number
    return Int(number)
  }

  func deactivate(_ index: Int) {
    let number = subjects[index].active
    guard number >= 0 else { return }
    subjects[index].active = -1
    let old = active.pointer(Int(number))
    // Nearly always nobody has waited.
    if old.pointee.queue.isEmpty { old.pointee.lookAhead = LookAhead() } else { old.pointee = Active() }
    (old.pointee.unspent, old.pointee.shownLeast) = (0, .max)
    old.pointee.nextFree = freeActive
    freeActive = number
  }

  /// The store has gone or come: debts are paid, who waits looks elsewhere.
  func storeChanged() {
    for place in subjects.indices where !subjects[place].id.isEmpty {
      guard !subjects[place].ledger.isEmpty || subjects[place].active >= 0 else { continue }
      timerFired(Int32(place))
    }
  }

  /// Gives everything back that is not under way: the process ends.
  func leave() {
    for place in subjects.indices { giveBackAll(place) }
  }

  /// Gives back what a subject holds, whose answer nobody waits for.
  func giveBackAll(_ place: Int) {
    guard let request = subjects[place].ledger.leave() else { return }
    asks &+= 1
    _ = storage.lease(subjects[place].id, request, terms[Int(subjects[place].terms)].bucket, node: node) { _ in }
  }

  /// One for each timer, and no weak reference to the actor anywhere: a single one would make each of its retains a slow one.
  private final class Bridge: TimerHandler {
    private let bucket: DistributedTokenBucket
    init(_ bucket: DistributedTokenBucket) { self.bucket = bucket }
    static let distantToken = UInt32.max
    static let noteToken = UInt32.max - 1

    func timerFired(token: UInt32) {
      bucket.here {
        switch token {
        case Self.distantToken: $0.distantTimerFired()
        case Self.noteToken: $0.noteHeld()
        default: $0.timerFired(Int32(bitPattern: token))
        }
      }
    }
  }
}
