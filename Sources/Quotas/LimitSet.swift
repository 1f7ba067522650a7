internal import RateLimiting

/// The limits that are for all requests with the same values of the parts that matter: resolved once, found again by one look.
final class LimitSet: Sendable {
  /// What drawing and settling needs of a limit's bucket. Trivial to copy, for that is done at each request; the rest is in ``AppliedShare``.
  struct Terms: Sendable {
    let subject: SubjectRef
    /// Units for a thousand tokens of output, of the dearer kind.
    let perThousand: Int
    /// Units that are drawn with the prompt, and at once later.
    let ahead: Int
    /// With less than so many units in hand more is drawn.
    let lowAt: Int
    let cost: LimitCost
    /// Of the cost, where ``kind`` is tokens; the cost itself is five words, which each look at it would copy.
    let weights: TokenWeights
    /// What prompt and reservation of an answer in one piece may take together.
    let reservedMost: Int
    /// A prompt of more units never fits; none of requests.
    let promptMost: Int
    /// A quota or budget of a calendar period.
    let isCalendar: Bool
    let kind: Kind
    /// The limit's amount, and units of the bucket for one of it.
    let amount: Int
    let scale: Int
  }

  /// What a limit counts.
  enum Kind: UInt8, Sendable {
    case tokens, requests, money

    init(_ quantity: LimitedQuantity) {
      switch quantity {
      case .tokens: self = .tokens
      case .requests, .concurrency: self = .requests
      case .money: self = .money
      }
    }
  }

  /// When the calendar period of a limit ends, in seconds since 1970.
  func endsAt(_ place: Int) -> Int { shares[place].endsAt ?? .max }

  let hash: UInt64
  /// The values by which it was resolved, and the model last.
  let values: ContiguousArray<String?>
  /// Limits with buckets.
  let shares: ContiguousArray<AppliedShare>
  /// The same in short, at the same places.
  let terms: TermsList
  /// Limits of concurrency.
  let slotShares: ContiguousArray<AppliedShare>
  /// When the first of its calendar periods ends, or it is to be looked up anew, in seconds since 1970; `Int.max` for never.
  let endsAt: Int
  /// A limit of money that does not know what the model costs: it cannot be kept, and what it is for may not pass.
  let unpriced: AppliedShare?
  /// Where it is learned how long the model's answers are; -1 if nowhere.
  let model: Int

  init(
    hash: UInt64, values: ContiguousArray<String?>, model: Int, _ applied: [AppliedShare], validUntil: Int = .max
  ) {
    self.hash = hash
    self.values = values
    self.model = model
    shares = ContiguousArray(applied.filter { $0.subject != nil })
    slotShares = ContiguousArray(applied.filter { $0.subject == nil })
    terms = TermsList(
      applied.compactMap { share in
        share.subject.map {
          Terms(
            subject: $0, perThousand: share.perThousand, ahead: share.ahead, lowAt: share.lowAt, cost: share.cost,
            weights: share.cost.weights, reservedMost: share.reservedMost, promptMost: share.promptMost,
            isCalendar: share.endsAt != nil, kind: Kind(share.limit.rule.quantity), amount: share.amount,
            scale: share.limit.unitScale)
        }
      })
    // Without a model nothing is paid by tokens.
    let hasModel = values.last.map { $0?.isEmpty == false } ?? false
    unpriced = hasModel ? applied.first { $0.isUnpriced } : nil
    endsAt = min(validUntil, applied.compactMap(\.endsAt).min() ?? .max)
  }

  // What it frees is trivial to destroy: terms hold no references.
  deinit { terms.free() }
}

extension UnsafePointer<LimitSet.Terms> {
  /// The units of a prompt, the request itself included.
  @inline(__always)
  func units(ofPrompt tokens: Int, images: Int = 0) -> Int {
    switch pointee.kind {
    case .tokens: pointee.weights.units(ofInput: tokens)
    case .requests: 1
    case .money: unitsOfMoney(TokenUsage(input: tokens, requests: 1, images: images))
    }
  }

  /// The units of a whole request.
  @inline(__always)
  func units(of usage: TokenUsage) -> Int {
    switch pointee.kind {
    case .tokens: pointee.weights.units(of: usage)
    case .requests: 1
    case .money: unitsOfMoney(usage)
    }
  }

  @inline(never)
  private func unitsOfMoney(_ usage: TokenUsage) -> Int { pointee.cost.units(of: usage) }
}

/// The terms of a set's limits at fixed addresses, so that drawing and settling copy only the fields that they look at. Lives as long as the set, which frees it.
struct TermsList: @unchecked Sendable {
  let count: Int
  private let first: UnsafeMutablePointer<LimitSet.Terms>

  fileprivate init(_ terms: [LimitSet.Terms]) {
    count = terms.count
    first = .allocate(capacity: count)
    first.initialize(from: terms, count: count)
  }

  fileprivate func free() { first.deallocate() }

  var indices: Range<Int> { 0..<count }

  /// The address of the terms at a place, which must be one.
  @inline(__always)
  func address(_ place: Int) -> UnsafePointer<LimitSet.Terms> {
    precondition(UInt(bitPattern: place) < UInt(bitPattern: count), "no such place")
    return UnsafePointer(first + place)
  }

  subscript(place: Int) -> LimitSet.Terms {
    @inline(__always) unsafeAddress { address(place) }
  }
}

/// One limit's bucket or slots, as it applies to a request: all that is not needed at each request.
final class AppliedShare: Sendable {
  let limit: LimitPlan.Limit
  /// Nil for concurrency.
  let subject: SubjectRef?
  let id: String
  let amount: Int
  /// When its calendar period ends, in seconds since 1970.
  let endsAt: Int?
  let cost: LimitCost
  /// Units for a thousand tokens of output, of the dearer kind.
  let perThousand: Int
  /// What prompt and reservation of an answer in one piece may take together.
  let reservedMost: Int
  /// The limit had no room for the subject: it shares one with others.
  let isShared: Bool
  /// Where the slot book had it last: looked at first, for there all that it has is by its name. Of the reactor's desk alone, as the set.
  nonisolated(unsafe) var slotPlace = 0

  /// Tokens of output that are drawn with the prompt, and at once later.
  static let outputAhead = 64
  /// With less than so many in hand more is drawn.
  static let outputLow = 16

  init(
    limit: LimitPlan.Limit, subject: SubjectRef?, id: String, amount: Int, endsAt: Int?, cost: LimitCost,
    isShared: Bool = false, reservedMost: Int = 0
  ) {
    self.isShared = isShared
    self.reservedMost = reservedMost
    self.limit = limit
    self.subject = subject
    self.id = id
    self.amount = amount
    self.endsAt = endsAt
    self.cost = cost
    perThousand = cost.unitsPerThousandOutput
  }

  /// Units that a prompt may have: more never fits, however long one waits.
  var promptMost: Int {
    guard !limit.isRequests else { return .max }
    let (units, overflow) = amount.multipliedReportingOverflow(by: limit.unitScale)
    return overflow ? .max : units
  }

  /// Whether it counts money and does not know how much.
  var isUnpriced: Bool {
    if case .money = limit.rule.quantity, case .free = cost { return true }
    return false
  }

  /// Units that are drawn with the prompt, and at once later.
  var ahead: Int { bounded(LimitCost.units(ofOutput: Self.outputAhead, perThousand)) }

  /// With less than so many units in hand more is drawn.
  var lowAt: Int { max(2, bounded(LimitCost.units(ofOutput: Self.outputLow, perThousand))) }

  /// What may be drawn before it has passed: of a small limit a small part, for what is drawn beyond its end is a debt.
  private func bounded(_ units: Int) -> Int {
    guard perThousand > 0 else { return units }
    return min(units, max(1, amount * limit.unitScale / Self.aheadPart))
  }

  /// A limit's amount is at least so many times what is drawn ahead of it.
  private static let aheadPart = 32
}
