internal import GatewayConfiguration

/// In what time a limit's amount may be used.
public enum LimitWindow: Sendable, Hashable {
  /// In any so many milliseconds, sliding: it refills as time goes.
  case rate(milliseconds: Int)
  /// In each period of the calendar: a quota, or with money a budget.
  case calendar(CalendarPeriod, UTCOffsets)

  /// Sliding windows of the usual lengths.
  public static let second = LimitWindow.rate(milliseconds: 1000)
  /// Any minute.
  public static let minute = LimitWindow.rate(milliseconds: 60_000)
  /// Any hour.
  public static let hour = LimitWindow.rate(milliseconds: 3_600_000)
  /// Any 24 hours.
  public static let day = LimitWindow.rate(milliseconds: 86_400_000)
}

/// What happens to a stream at the event where a limit is reached.
public enum LimitExceeded: String, Sendable, Hashable, CaseIterable {
  /// Another candidate takes over.
  case fallback
  /// The answer ends with finish_reason "length".
  case truncate
  /// The answer ends with an error.
  case error
  /// It waits, as long as the rule's wait, and is then truncated.
  case wait
}

/// One rule of the configuration: what is counted, how much of it, in what time, for whom.
public struct LimitRule: Sendable {
  /// An amount for requests whose parts match.
  public struct Case: Sendable {
    /// All must match, each by one of its patterns.
    public var match: [(part: SubjectPart, patterns: [SubjectPattern])]
    /// Units in the window: tokens, requests, streams, or millionths of the currency unit.
    public var amount: Int
    /// Tells its buckets from those of the rule's other cases (``LimitKey/caseID(_:)``); nil: by its place.
    public var id: String?

    /// A case with one pattern for each part.
    public init(match: [(part: SubjectPart, pattern: SubjectPattern)] = [], amount: Int, id: String? = nil) {
      self.init(anyOf: match.map { ($0.part, [$0.pattern]) }, amount: amount, id: id)
    }

    /// A case with patterns of which one must match, for each part.
    public init(anyOf match: [(part: SubjectPart, patterns: [SubjectPattern])], amount: Int, id: String? = nil) {
      self.match = match
      self.amount = amount
      self.id = id
    }

    /// What it is for the most specific of the requests that it takes.
    var specificityMost: Int {
      match.reduce(0) { $0 + ($1.patterns.map(\.specificity).max() ?? 0) }
    }

    /// How specific it is for these facts; nil if it is not for them.
    func specificity(_ facts: some SubjectFacts) -> Int? {
      var sum = 0
      for (part, patterns) in match {
        let value = facts.value(of: part)
        guard let best = patterns.lazy.filter({ $0.matches(value) }).map(\.specificity).max() else { return nil }
        sum += best
      }
      return sum
    }
  }

  /// Its name, in keys, metrics and messages.
  public var name: String
  /// What is counted.
  public var quantity: LimitedQuantity
  /// In what time.
  public var window: LimitWindow
  /// The amounts, most specific match first: the first that matches applies.
  public let cases: [Case]
  /// Each combination of these has an amount of its own; none: all share one.
  public var each: [SubjectPart]
  /// What a bucket that refills may give at once, in the units of the amounts; of tokens and money at most nine tenths of the amount. Nil: all of a request limit; of a
  /// token or money limit a twelfth, or up to half while that is no more than an answer (``answerTokens``, ``answerMicros``).
  public var burst: Int?
  /// What happens at the end of it.
  public var exceeded: LimitExceeded = .truncate
  /// What happens while the store is away.
  public var absence: StoreAbsence = .local
  /// A request or stream waits at most so long for units.
  public var waitMilliseconds = 1000
  /// Nodes to reckon with before the store has told their number.
  public var nodesAssumed = 1
  /// Subjects that have a bucket of their own at once; beyond it newcomers share one.
  public var subjectsMax = 100_000

  /// A rule.
  public init(
    _ name: String, _ quantity: LimitedQuantity, _ window: LimitWindow, cases: [Case], each: [SubjectPart] = []
  ) {
    self.name = name
    self.quantity = quantity
    self.window = window
    // Stable: of equally specific ones the first in the configuration wins.
    self.cases = cases.enumerated().map { offset, given in
      var known = given
      known.id = given.id ?? (given.match.isEmpty ? LimitKey.caseID([]) : "c\(offset)")
      return (offset: offset, element: known)
    }.sorted {
      ($1.element.specificityMost, $0.offset) < ($0.element.specificityMost, $1.offset)
    }.map(\.element)
    self.each = each
  }

  /// The limit that applies to a request; nil if the rule is not for it. A subject's part that a request lacks is a subject too, shared by all that
  /// lack it: leaving out a header must not lift a limit.
  ///
  /// - Parameter digest: of a text that is too long for a key; from a keyed or cryptographic hash, for strangers choose the text.
  public func applied(to facts: some SubjectFacts, digest: (String) -> String) -> AppliedLimit? {
    guard let place = mostSpecific(facts) else { return nil }
    var subject = each.map { LimitKey.escaped(LimitKey.value($0, facts.value(of: $0))) }.joined(separator: ":")
    if subject.utf8.count > LimitKey.subjectBytesMax { subject = "%h\(LimitKey.escaped(digest(subject)))" }
    return AppliedLimit(
      amount: cases[place].amount, group: "\(LimitKey.escaped(name)):\(cases[place].id ?? ""):", subject: subject)
  }

  private func mostSpecific(_ facts: some SubjectFacts) -> Int? {
    var best: (place: Int, specificity: Int)?
    for (place, candidate) in cases.enumerated() {
      // Those that follow can be no more specific than this one at its most.
      if let best, best.specificity >= candidate.specificityMost { break }
      guard let specificity = candidate.specificity(facts), specificity > best?.specificity ?? -1 else { continue }
      best = (place, specificity)
    }
    return best?.place
  }

  /// The lease's terms, and what the bucket's id ends with while they apply.
  ///
  /// A sliding window is kept strictly for tokens and money: rate = (amount − burst) / window, so that no window of that length holds more. Requests are
  /// few and come at once; for them the bucket holds the whole amount, which two windows side by side may see twice.
  ///
  /// - Parameters:
  ///   - amount: of the case that applies.
  ///   - unixTime: seconds since 1970, for calendar periods.
  ///   - left: what the records say is left of a quota; nil if they say nothing.
  public func terms(amount: Int, unixTime: Int, left: Int? = nil) -> (terms: LeaseTerms, suffix: String, endsAt: Int?) {
    let scale = if case .tokens(let weights) = quantity { weights.unitsPerToken } else { 1 }
    let amount = min(max(0, amount), LeaseRate.amountMax / scale) * scale
    var terms: LeaseTerms
    var suffix = ""
    var endsAt: Int?
    switch window {
    case .rate(let milliseconds):
      let isStrict = quantity != .requests
      let given = burst.map { min(max(0, $0), LeaseRate.amountMax / scale) * scale }
      // What comes at once and what comes in the window make the amount together: something must be left to refill it.
      let most = min(max(1, given ?? burstOf(amount, scale)), isStrict ? LimitSettings.burstMost(of: amount) : amount)
      let refill = isStrict && most < amount ? amount - most : amount
      terms = LeaseTerms(
        BucketTerms(rate: LeaseRate(refill, perMilliseconds: milliseconds), burst: most), absence: absence)
    case .calendar(let period, let offsets):
      let span = period.span(at: unixTime, offsets)
      suffix = ":\(span.id)"
      endsAt = span.end
      let rest = max(0, span.end - unixTime) * 1000
      terms = LeaseTerms(
        BucketTerms(quota: amount, left: left, expiryMilliseconds: rest + BucketTerms.waitMillisecondsMax),
        absence: absence)
    }
    terms.nodesAssumed = max(1, nodesAssumed)
    // A request is counted once, before it begins: nothing runs that could need the rest.
    if quantity == .requests { terms.keptForRunning = 0 }
    return (terms, suffix, endsAt)
  }
}

extension LimitRule {
  /// The tokens of a request and its answer: a small limit gives that much at once, that it be of use to one who is alone.
  public static let answerTokens = 1024
  /// What these cost at twelve of the currency unit a million: an eightieth of it, in millionths.
  public static let answerMicros = 12_500

  /// What a bucket gives at once if nobody has said: more makes a lone user's answers whole, less leaves a higher rate, for burst and rate share the amount.
  private func burstOf(_ amount: Int, _ scale: Int) -> Int {
    switch quantity {
    case .requests, .concurrency: amount
    case .tokens: max(amount / 12, min(amount / 2, Self.answerTokens * scale))
    case .money: max(amount / 12, min(amount / 2, Self.answerMicros))
    }
  }
}

/// A limit that applies to a request.
public struct AppliedLimit: Sendable, Hashable {
  /// Units in the window.
  public let amount: Int
  /// Tells its bucket from all others, with the period's suffix; fit for a key.
  public var id: String { group + subject }
  /// The bucket of all subjects for which there is no room: no subject's text is escaped so.
  public var sharedID: String { group + "%others" }
  /// The limit and its case.
  let group: String
  let subject: String
}
