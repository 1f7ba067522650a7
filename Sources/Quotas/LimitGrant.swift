internal import RateLimiting
internal import Reactor

/// What a stream may do after tokens have passed.
public enum LimitStanding: Sendable, Hashable {
  /// Go on.
  case ample
  /// Go on; more is being fetched.
  case low
  /// What has just passed was the last: wait for more (``LimitGrant/waitForMore(_:)``) or end.
  case dry(LimitRefusal)
}

/// How a stream that has run dry goes on.
public enum LimitStreamWait: Sendable {
  /// There is more.
  case more
  /// The waiter is told.
  case waiting(LimitWaitID)
  /// There is none, and none comes in time.
  case refused(LimitRefusal)
}

/// What a grant needs of the desk that gave it.
protocol LimitGrantOwner: AnyObject, Sendable {
  var reactor: Reactor { get }
  /// Milliseconds of the reactor's clock.
  var now: Int { get }
  /// How its limits stand.
  func views(_ set: LimitSet) -> LimitViews
  /// Its prompt takes so many units more of a limit, or fewer.
  func charge(_ share: AppliedShare, _ amount: Int)
  /// Tokens of output have passed.
  func passed(_ usage: TokenUsage, _ grant: LimitGrant)
  /// Draws more where little is left: the first limit that has run dry, if any, and whether one is low.
  func refill(_ grant: LimitGrant) -> (dry: Int?, isLow: Bool)
  func refusal(_ share: AppliedShare, need: Int, beyond: Int) -> LimitRefusal
  /// It has run dry.
  func waitForMore(
    _ grant: LimitGrant, _ share: AppliedShare, need: Int, _ waiter: any LimitWaiter
  ) -> LimitStreamWait
  func cancel(_ id: LimitWaitID)
  /// It has ended.
  func settle(_ grant: LimitGrant, _ ending: LimitEnding)
}

/// A request's permission: what it holds of each limit, spent as its tokens pass, settled when it ends. Dropping it settles what was counted.
///
/// `@unchecked Sendable`: confined to its desk's reactor, but for the last reference, which may go anywhere.
public final class LimitGrant: @unchecked Sendable {
  private let desk: any LimitGrantOwner
  let set: LimitSet
  let beganAt: Int
  /// Tokens of the prompt, as they were told last.
  public private(set) var promptTokens: Int
  var shares: ShareList
  private(set) var slots = SlotList()
  /// Until all limits have given, and after the end.
  private var isOver = true
  /// Tokens that may pass before anything has to be looked at.
  private var ample = 0
  private var pendingOutput = 0
  private var pendingReasoning = 0
  private var output = 0
  private var reasoning = 0
  private var waiting: LimitWaitID?
  private var waitBeganAt = 0
  /// What its waits have used of the time that it may wait in all.
  private var waited = 0
  /// The limit that ran dry.
  private var dryShare: Int?

  /// What to forward as the bound on one answer; nil: what the caller said.
  public private(set) var clampedMaxTokens: Int?

  init(desk: any LimitGrantOwner, set: LimitSet, promptTokens: Int, beganAt: Int) {
    self.desk = desk
    self.set = set
    self.promptTokens = promptTokens
    self.beganAt = beganAt
    shares = ShareList(count: set.terms.count)
  }

  /// All limits have given.
  func begin(clampedMaxTokens: Int?, slots: SlotList) {
    isOver = false
    self.clampedMaxTokens = clampedMaxTokens
    self.slots = slots
    ample = amplest
  }

  /// What a grant that is dropped leaves to be settled.
  private init(heirOf other: borrowing LimitGrant) {
    desk = other.desk
    set = other.set
    beganAt = other.beganAt
    promptTokens = other.promptTokens
    shares = other.shares
    slots = other.slots
    (pendingOutput, pendingReasoning) = (other.pendingOutput, other.pendingReasoning)
    (output, reasoning) = (other.output, other.reasoning)
    isOver = false
  }

  deinit {
    guard !isOver else { return }
    let heir = LimitGrant(heirOf: self)
    // On another thread the desk cannot be touched.
    if desk.reactor.isCurrent { heir.dropped() } else { desk.reactor.execute { heir.dropped() } }
  }

  /// Counts tokens of output before they are forwarded.
  @inline(__always)
  public func spend(outputTokens: Int, isReasoning: Bool = false) -> LimitStanding {
    isReasoning ? spend(output: 0, reasoning: outputTokens) : spend(output: outputTokens, reasoning: 0)
  }

  /// The same of both kinds.
  public func spend(output: Int, reasoning: Int) -> LimitStanding {
    let output = output.clamped(to: 0...(1 << 32))
    let reasoning = reasoning.clamped(to: 0...(1 << 32))
    pendingOutput &+= output
    pendingReasoning &+= reasoning
    ample &-= output &+ reasoning
    return ample >= 0 ? .ample : account()
  }

  /// Tokens that may pass before ``spend(output:reasoning:)`` must be told.
  public var allowance: Int { max(0, ample) }

  /// Tokens of output that were counted.
  public var outputTokens: Int { output &+ reasoning &+ pendingOutput &+ pendingReasoning }

  /// The prompt was counted while its upstream reads it: the difference is charged now.
  public func recount(promptTokens tokens: Int) {
    guard !isOver else { return }
    promptTokens = min(max(0, tokens), 1 << 32)
    for place in 0..<set.terms.count {
      let units = set.terms[place].cost.units(ofPrompt: promptTokens)
      let more = units - shares[place].prompt
      shares[place].prompt = units
      shares[place].charged += more
      desk.charge(set.shares[place], more)
    }
  }

  /// How its limits stand.
  public var views: LimitViews { desk.views(set) }

  /// After ``LimitStanding/dry(_:)``: waits for more, or for an answer of the store that is under way. Each wait lasts at most the limit's wait where its
  /// `onExceeded` is `wait`; else all of a stream's waits together do. When none comes, what `onExceeded` says is to happen.
  public func waitForMore(_ waiter: any LimitWaiter) -> LimitStreamWait {
    guard !isOver, waiting == nil else { return .more }
    flush()
    guard let dry = firstDry else {
      ample = amplest
      return .more
    }
    dryShare = dry
    return desk.waitForMore(self, set.shares[dry], need: 1 - shares[dry].allowance.left, waiter)
  }

  /// Ends the wait; the waiter is not told.
  public func cancelWait() {
    if let waiting { desk.cancel(waiting) }
    waitEnded()
    dryShare = nil
  }

  /// The end, with what the upstream says, or what was counted. Later calls are nothing.
  ///
  /// - Parameters:
  ///   - prompt: all tokens of the prompt.
  ///   - completion: all tokens of output.
  ///   - cached: those of the prompt that a cache served.
  ///   - cacheWrite: those of the prompt that were written to a cache.
  ///   - reasoning: those of the output that are reasoning.
  ///   - images: pictures that were made.
  ///   - isAnswered: the request is paid for, beside its tokens, where it has a price.
  ///   - wasCut: a limit ended it; it says nothing of how long answers are.
  ///   - teaches: how long it was says how long the model's answers are.
  public func settle(
    prompt: Int, completion: Int, cached: Int = 0, cacheWrite: Int = 0, reasoning: Int = 0, images: Int = 0,
    isAnswered: Bool = true, wasCut: Bool = false, teaches: Bool = true
  ) {
    guard !isOver else { return }
    let bounds = 0...(1 << 40)
    let prompt = prompt.clamped(to: bounds)
    let cached = cached.clamped(to: 0...prompt)
    let cacheWrite = cacheWrite.clamped(to: 0...(prompt - cached))
    let completion = completion.clamped(to: bounds)
    let reasoning = reasoning.clamped(to: 0...completion)
    end(
      TokenUsage(
        input: prompt - cached - cacheWrite, cachedInput: cached, cacheWrite: cacheWrite,
        output: completion - reasoning, reasoning: reasoning, requests: isAnswered ? 1 : 0,
        images: images.clamped(to: 0...1024)), wasCut: wasCut, teaches: teaches)
  }

  /// The end with what was counted here: no word from the upstream.
  public func settleAsCounted(wasCut: Bool = false) {
    guard !isOver else { return }
    end(counted, wasCut: wasCut, teaches: true)
  }

  /// Nothing was sent: all goes back, the request with it.
  public func abandon() {
    guard !isOver else { return }
    isOver = true
    cancelWait()
    desk.settle(self, LimitEnding(usage: TokenUsage(), isAbandoned: true))
  }

  // MARK: Inside

  private func end(_ usage: TokenUsage, wasCut: Bool, teaches: Bool) {
    isOver = true
    cancelWait()
    desk.settle(
      self,
      LimitEnding(usage: usage, isWhole: teaches && !wasCut, wasCut: wasCut, cutBy: wasCut ? dryShare ?? firstDry : nil)
    )
  }

  private func dropped() {
    isOver = true
    desk.settle(self, LimitEnding(usage: counted))
  }

  private var firstDry: Int? {
    (0..<set.terms.count).first { set.terms[$0].perThousand > 0 && shares[$0].allowance.left <= 0 }
  }

  private var counted: TokenUsage {
    TokenUsage(
      input: promptTokens, output: output &+ pendingOutput, reasoning: reasoning &+ pendingReasoning, requests: 1)
  }

  /// What has passed since the last time goes to each limit.
  private func flush() {
    guard pendingOutput > 0 || pendingReasoning > 0 else { return }
    let usage = TokenUsage(output: pendingOutput, reasoning: pendingReasoning)
    output &+= pendingOutput
    reasoning &+= pendingReasoning
    (pendingOutput, pendingReasoning) = (0, 0)
    desk.passed(usage, self)
  }

  private func account() -> LimitStanding {
    guard !isOver else { return .ample }
    flush()
    let (dry, isLow) = desk.refill(self)
    ample = amplest
    if let dry { return .dry(desk.refusal(set.shares[dry], need: 1, beyond: -shares[dry].allowance.left)) }
    return isLow ? .low : .ample
  }

  /// The wait has brought so much.
  func refilled(_ amount: Int) {
    if let dryShare { shares[dryShare].take(amount) }
    waitEnded()
    dryShare = nil
    ample = amplest
  }

  func waitBegan(_ id: LimitWaitID) { (waiting, waitBeganAt) = (id, desk.now) }

  /// The wait has ended; under another limit than one that says `wait` it has used up some of the time.
  func waitEnded() {
    guard waiting != nil else { return }
    waiting = nil
    guard let dryShare, set.shares[dryShare].limit.rule.exceeded != .wait else { return }
    waited += max(1, desk.now - waitBeganAt)
  }

  /// How long it may wait for more of a limit now.
  func waitMilliseconds(_ share: AppliedShare) -> Int {
    let rule = share.limit.rule
    return rule.exceeded == .wait ? rule.waitMilliseconds : max(0, rule.waitMilliseconds - waited)
  }

  /// Tokens that may pass until a limit is low.
  private var amplest: Int {
    var least = 1 << 40
    for place in 0..<set.terms.count {
      let perThousand = set.terms.address(place).pointee.perThousand
      guard perThousand > 0 else { continue }
      let allowance = shares.allowance(place)
      let spare = max(0, allowance.left - allowance.lowAt)
      // Most count tokens one by one: no division.
      guard perThousand != 1000 else {
        least = min(least, spare)
        continue
      }
      let (product, overflow) = spare.multipliedReportingOverflow(by: 1000)
      if !overflow { least = min(least, product / perThousand) }
    }
    return least
  }
}

/// How a request ended, for its limits.
struct LimitEnding: Sendable {
  let usage: TokenUsage
  /// It ended by itself: it says how long answers are.
  var isWhole = false
  var isAbandoned = false
  var wasCut = false
  /// The place of the limit that cut it.
  var cutBy: Int?
}

extension Int {
  func clamped(to bounds: ClosedRange<Int>) -> Int { Swift.min(Swift.max(self, bounds.lowerBound), bounds.upperBound) }
}
