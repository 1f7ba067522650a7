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
  let terms: ContiguousArray<Terms>
  /// Limits of concurrency.
  let slotShares: ContiguousArray<AppliedShare>
  /// When the first of its calendar periods ends, in seconds since 1970; `Int.max` if it has none.
  let endsAt: Int
  /// Where it is learned how long the model's answers are; -1 if nowhere.
  let model: Int

  init(hash: UInt64, values: ContiguousArray<String?>, model: Int, _ applied: [AppliedShare]) {
    self.hash = hash
    self.values = values
    self.model = model
    shares = ContiguousArray(applied.filter { $0.subject != nil })
    slotShares = ContiguousArray(applied.filter { $0.subject == nil })
    terms = ContiguousArray(
      applied.compactMap { share in
        share.subject.map {
          Terms(
            subject: $0, perThousand: share.perThousand,
            ahead: share.bounded(LimitGrant.units(LimitGrant.outputAhead, share.perThousand)),
            lowAt: max(1, share.bounded(LimitGrant.units(LimitGrant.outputLow, share.perThousand))), cost: share.cost,
            isCalendar: share.endsAt != nil, kind: Kind(share.limit.rule.quantity), amount: share.amount,
            scale: share.limit.unitScale)
        }
      })
    endsAt = applied.compactMap(\.endsAt).min() ?? .max
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

  init(limit: LimitPlan.Limit, subject: SubjectRef?, id: String, amount: Int, endsAt: Int?, cost: LimitCost) {
    self.limit = limit
    self.subject = subject
    self.id = id
    self.amount = amount
    self.endsAt = endsAt
    self.cost = cost
    perThousand = cost.unitsPerThousandOutput
  }

  /// What may be drawn before it has passed: of a small limit a small part, for what is drawn beyond its end is a debt.
  func bounded(_ units: Int) -> Int {
    guard perThousand > 0 else { return units }
    return min(units, max(1, amount * limit.unitScale / Self.aheadPart))
  }

  /// A limit's amount is at least so many times what is drawn ahead of it.
  private static let aheadPart = 32
}
