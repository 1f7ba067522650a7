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

/// A request's permission: what it holds of each limit, spent as its tokens pass, settled when it ends. Dropping it settles what was counted.
///
/// `@unchecked Sendable`: confined to its desk's reactor, but for the last reference, which may go anywhere.
public final class LimitGrant: @unchecked Sendable {
  /// Tokens of output that are drawn with the prompt, and at once later.
  static let outputAhead = 64
  /// With less than so many in hand more is drawn.
  static let outputLow = 16

  /// What it holds of one limit.
  struct Share: Sendable {
    let applied: AppliedShare
    /// Drawn in all; it comes back or is paid on top when the truth is known.
    var charged: Int
    var prompt: Int
    var allowance: Allowance
    /// Output that is still expected.
    var reserved: Int
    var meter = MoneyMeter()
    /// Units for a thousand tokens of output.
    let perThousand: Int
  }

  let desk: LimitDesk
  private let model: String
  private let beganAt: Int
  private(set) var promptTokens: Int
  private var shares: ContiguousArray<Share>
  private let slots: [HeldSlot]
  private var isOver = false
  /// Tokens that may pass before anything has to be looked at.
  private var ample = 0
  private var pendingOutput = 0
  private var pendingReasoning = 0
  private var output = 0
  private var reasoning = 0
  private var waiting: LimitWaitID?
  /// The limit that ran dry.
  private var dryShare: Int?

  /// What to forward as the bound on one answer; nil: what the caller said.
  public let clampedMaxTokens: Int?

  init(
    desk: LimitDesk, model: String, promptTokens: Int, shares: ContiguousArray<Share>, slots: [HeldSlot],
    clampedMaxTokens: Int?, beganAt: Int
  ) {
    self.desk = desk
    self.model = model
    self.promptTokens = promptTokens
    self.shares = shares
    self.slots = slots
    self.clampedMaxTokens = clampedMaxTokens
    self.beganAt = beganAt
    ample = Self.ample(shares)
  }

  deinit {
    guard !isOver else { return }
    let settlement = counted
    // On another thread the desk cannot be touched.
    if desk.reactor.isCurrent {
      desk.settle(settlement)
    } else {
      desk.reactor.execute { [desk] in desk.settle(settlement) }
    }
  }

  /// Counts tokens of output before they are forwarded.
  @inline(__always)
  public func spend(outputTokens: Int, isReasoning: Bool = false) -> LimitStanding {
    let count = min(max(0, outputTokens), 1 << 32)
    if isReasoning { pendingReasoning &+= count } else { pendingOutput &+= count }
    ample &-= count
    return ample >= 0 ? .ample : account()
  }

  /// Tokens of output that were counted.
  public var outputTokens: Int { output &+ reasoning &+ pendingOutput &+ pendingReasoning }

  /// The prompt was counted while its upstream reads it: the difference is charged now.
  public func recount(promptTokens tokens: Int) {
    guard !isOver else { return }
    promptTokens = min(max(0, tokens), 1 << 32)
    for index in shares.indices {
      let units = shares[index].applied.cost.units(of: TokenUsage(input: promptTokens))
      let more = units - shares[index].prompt
      shares[index].prompt = units
      shares[index].charged += more
      desk.charge(shares[index].applied, more)
    }
  }

  /// How its limits stand.
  public var views: LimitViews { desk.views(shares.map(\.applied)) }

  /// After ``LimitStanding/dry(_:)``: waits for more, at most the limit's wait, or for an answer of the store that is under way. When none comes, what the
  /// limit's `onExceeded` says is to happen.
  public func waitForMore(_ waiter: any LimitWaiter) -> LimitStreamWait {
    guard !isOver, waiting == nil else { return .more }
    flush()
    guard let dry = shares.firstIndex(where: { $0.perThousand > 0 && $0.allowance.left <= 0 }) else {
      ample = Self.ample(shares)
      return .more
    }
    let answer = desk.waitForMore(self, shares[dry].applied, need: 1 - shares[dry].allowance.left, waiter)
    dryShare = dry
    if case .waiting(let id) = answer { waiting = id }
    return answer
  }

  /// Ends the wait; the waiter is not told.
  public func cancelWait() {
    if let waiting { desk.cancel(waiting) }
    (waiting, dryShare) = (nil, nil)
  }

  /// The end, with what the upstream says, or what was counted. Later calls are nothing.
  ///
  /// - Parameters:
  ///   - prompt: all tokens of the prompt.
  ///   - completion: all tokens of output.
  ///   - cached: those of the prompt that a cache served.
  ///   - cacheWrite: those of the prompt that were written to a cache.
  ///   - reasoning: those of the output that are reasoning.
  ///   - wasCut: a limit ended it; it says nothing of how long answers are.
  public func settle(
    prompt: Int, completion: Int, cached: Int = 0, cacheWrite: Int = 0, reasoning: Int = 0, wasCut: Bool = false
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
        output: completion - reasoning, reasoning: reasoning), wasCut: wasCut)
  }

  /// The end with what was counted here: no word from the upstream.
  public func settleAsCounted(wasCut: Bool = false) {
    guard !isOver else { return }
    end(counted.usage, wasCut: wasCut)
  }

  /// Nothing was sent: all goes back, the request with it.
  public func abandon() {
    guard !isOver else { return }
    isOver = true
    cancelWait()
    var settlement = counted
    (settlement.isAbandoned, settlement.usage) = (true, TokenUsage())
    desk.settle(settlement)
  }

  // MARK: Inside

  private func end(_ usage: TokenUsage, wasCut: Bool) {
    isOver = true
    cancelWait()
    var settlement = counted
    settlement.usage = usage
    settlement.wasCut = wasCut
    settlement.isWhole = !wasCut
    settlement.cutBy = wasCut ? dryLimit : nil
    desk.settle(settlement)
  }

  private var dryLimit: Int? {
    (dryShare ?? shares.firstIndex { $0.perThousand > 0 && $0.allowance.left <= 0 }).map {
      shares[$0].applied.limit.number
    }
  }

  private var counted: Settlement {
    Settlement(
      model: model, beganAt: beganAt, shares: shares, slots: slots,
      usage: TokenUsage(
        input: promptTokens, output: output &+ pendingOutput, reasoning: reasoning &+ pendingReasoning))
  }

  /// What has passed since the last time goes to each limit.
  private func flush() {
    guard pendingOutput > 0 || pendingReasoning > 0 else { return }
    let usage = TokenUsage(output: pendingOutput, reasoning: pendingReasoning)
    output &+= pendingOutput
    reasoning &+= pendingReasoning
    (pendingOutput, pendingReasoning) = (0, 0)
    for index in shares.indices where shares[index].perThousand > 0 {
      let units =
        switch shares[index].applied.cost {
        case .tokens(let weights): weights.units(of: usage)
        case .money(let prices): shares[index].meter.add(usage, prices)
        case .requests, .free: 0
        }
      _ = shares[index].allowance.spend(units)
      let reserved = min(units, shares[index].reserved)
      shares[index].reserved -= reserved
      desk.came(shares[index].applied, reserved)
    }
  }

  private func account() -> LimitStanding {
    guard !isOver else { return .ample }
    flush()
    var isLow = false
    var dry: Int?
    for index in shares.indices where shares[index].perThousand > 0 {
      guard shares[index].allowance.standing != .ample else { continue }
      let ahead = Self.units(Self.outputAhead, shares[index].perThousand)
      let drawn = desk.drawSome(shares[index].applied, ahead + max(0, -shares[index].allowance.left))
      shares[index].allowance.add(drawn)
      shares[index].charged += drawn
      if shares[index].allowance.left <= 0 {
        let missing = 1 - shares[index].allowance.left
        if desk.draw(shares[index].applied, missing) {
          shares[index].allowance.add(missing)
          shares[index].charged += missing
        }
      }
      switch shares[index].allowance.standing {
      case .ample: break
      case .low: isLow = true
      case .dry: dry = dry ?? index
      }
    }
    ample = Self.ample(shares)
    if let dry { return .dry(desk.refusal(shares[dry].applied, need: 1)) }
    return isLow ? .low : .ample
  }

  /// The wait has brought so much.
  func refilled(_ amount: Int) {
    if let dryShare {
      shares[dryShare].allowance.add(amount)
      shares[dryShare].charged += amount
    }
    (waiting, dryShare) = (nil, nil)
    ample = Self.ample(shares)
  }

  func waitFailed() { waiting = nil }

  static func units(_ tokens: Int, _ perThousand: Int) -> Int {
    let (product, overflow) = tokens.multipliedReportingOverflow(by: perThousand)
    return overflow ? LeaseRate.amountMax : min(LeaseRate.amountMax, product / 1000 + (product % 1000 > 0 ? 1 : 0))
  }

  private static func ample(_ shares: ContiguousArray<Share>) -> Int {
    var least = 1 << 40
    for share in shares where share.perThousand > 0 {
      let spare = max(0, share.allowance.left - share.allowance.lowAt)
      let (product, overflow) = spare.multipliedReportingOverflow(by: 1000)
      if !overflow { least = min(least, product / share.perThousand) }
    }
    return least
  }
}

/// What a request used, for its limits.
struct Settlement: Sendable {
  let model: String
  let beganAt: Int
  let shares: ContiguousArray<LimitGrant.Share>
  let slots: [HeldSlot]
  var usage: TokenUsage
  var wasCut = false
  /// It ended by itself: it says how long answers are.
  var isWhole = false
  var isAbandoned = false
  var cutBy: Int?
}

extension Int {
  func clamped(to bounds: ClosedRange<Int>) -> Int { Swift.min(Swift.max(self, bounds.lowerBound), bounds.upperBound) }
}
