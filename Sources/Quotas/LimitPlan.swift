public import GatewayConfiguration
public import RateLimiting

/// The limits of a configuration, ready for use: immutable, one for all reactors.
public struct LimitPlan: Sendable {
  /// One limit.
  final class Limit: Sendable {
    let number: Int
    let rule: LimitRule
    /// Parts by which requests are told apart, by matching or by `each`.
    let parts: [SubjectPart]
    let subjectClass: String

    init(number: Int, rule: LimitRule) {
      self.number = number
      self.rule = rule
      var parts = rule.each
      for part in rule.cases.flatMap({ $0.match.map(\.part) }) where !parts.contains(part) { parts.append(part) }
      self.parts = parts
      subjectClass = rule.each.isEmpty ? "all requests" : rule.each.map(\.words).joined(separator: " and ")
    }

    var name: String { rule.name }
    var isConcurrency: Bool { rule.quantity == .concurrency }
    var isRequests: Bool { rule.quantity == .requests }

    var unit: LimitRefusal.Unit {
      switch rule.quantity {
      case .tokens: .tokens
      case .requests: .requests
      case .concurrency: .concurrency
      case .money(let currency): .money(currency: currency)
      }
    }

    /// Units of the bucket for one of what the configuration counts.
    var unitScale: Int {
      if case .tokens(let weights) = rule.quantity { weights.unitsPerToken } else { 1 }
    }
  }

  /// A model's price.
  struct Price: Sendable {
    let prices: TokenPrices
    let currency: String
  }

  let limits: [Limit]
  /// What requests are told apart by, in the order in which it is asked for: facts are asked for nothing else.
  let orderedParts: ContiguousArray<SubjectPart>
  /// Subjects that have a bucket of their own at once, over all limits.
  let subjectsMax: Int
  private let prices: [String: Price]

  /// From rules, in the order in which they are asked.
  public init(_ rules: [LimitRule], prices: [String: ModelPrice] = [:], subjectsMax: Int = 1_000_000) {
    self.subjectsMax = subjectsMax
    limits = rules.enumerated().map { Limit(number: $0.offset, rule: $0.element) }
    var ordered: ContiguousArray<SubjectPart> = []
    for part in limits.flatMap(\.parts) where !ordered.contains(part) { ordered.append(part) }
    orderedParts = ordered
    self.prices = prices.mapValues {
      Price(
        prices: TokenPrices(
          input: $0.input, cachedInput: $0.cached, cacheWrite: $0.cacheWrite, output: $0.output,
          reasoning: $0.reasoning, request: $0.request, image: $0.image), currency: $0.currency)
    }
  }

  /// From the configuration.
  ///
  /// - Parameters:
  ///   - zones: a time zone's offsets by its name (``TimeZoneTable``); a zone that is not known counts as UTC.
  ///   - nodesAssumed: nodes to reckon with before the store has told their number.
  public init(_ settings: GatewaySettings, nodesAssumed: Int = 1, zones: (String) -> UTCOffsets?) {
    let prices = settings.models.compactMap { model in model.price.map { (model.name, $0) } }
    self.init(
      settings.limits.map { LimitRule($0, nodesAssumed: nodesAssumed, zones: zones) },
      prices: Dictionary(prices) { first, _ in first }, subjectsMax: settings.server.maxLimitSubjects)
  }

  /// No limits at all.
  public static let none = LimitPlan([])

  /// Names of the limits, in their order.
  public var names: [String] { limits.map(\.name) }

  /// What a token of the model costs in the limit's units. Without a price in the budget's currency it is free.
  func cost(_ limit: Limit, model: String) -> LimitCost {
    switch limit.rule.quantity {
    case .tokens(let weights): .tokens(weights)
    case .requests, .concurrency: .requests
    case .money(let currency):
      if let price = prices[model], price.currency == currency { .money(price.prices) } else { .free }
    }
  }
}

/// What usage costs, in a limit's units.
enum LimitCost: Sendable {
  case tokens(TokenWeights)
  case money(TokenPrices)
  case requests
  case free

  /// How tokens count; not at all where it is not they that do.
  var weights: TokenWeights {
    if case .tokens(let weights) = self { return weights }
    return TokenWeights(input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0)
  }

  /// The units of a whole request.
  @inline(__always)
  func units(of usage: TokenUsage) -> Int {
    switch self {
    case .tokens(let weights): return weights.units(of: usage)
    case .requests: return 1
    case .free: return 0
    case .money(let prices):
      var meter = MoneyMeter()
      return meter.add(usage, prices) + meter.finish()
    }
  }

  /// The units of a prompt, the request itself included.
  @inline(__always)
  func units(ofPrompt tokens: Int) -> Int { units(of: TokenUsage(input: tokens, requests: 1)) }

  /// The units of so many tokens of output, by those of a thousand.
  @inline(__always)
  static func units(ofOutput tokens: Int, _ perThousand: Int) -> Int {
    let (product, overflow) = tokens.multipliedReportingOverflow(by: perThousand)
    return overflow ? LeaseRate.amountMax : min(LeaseRate.amountMax, product / 1000 + (product % 1000 > 0 ? 1 : 0))
  }

  /// Units that a thousand tokens of output cost, of the dearer kind: plain or reasoning.
  var unitsPerThousandOutput: Int {
    if case .requests = self { return 0 }
    return max(units(of: TokenUsage(output: 1000)), units(of: TokenUsage(reasoning: 1000)))
  }
}

extension SubjectPart {
  var words: String {
    switch self {
    case .consumer: "consumer"
    case .key: "key"
    case .model: "model"
    case .upstream: "upstream"
    case .route: "route"
    case .header(let name): "header \(name)"
    case .query(let name): "query parameter \(name)"
    case .cookie(let name): "cookie \(name)"
    case .clientAddress: "client address"
    }
  }

  /// The configuration's subject.
  init(_ subject: LimitSubject) {
    self =
      switch subject {
      case .consumer: .consumer
      case .key: .key
      case .model: .model
      case .upstream: .upstream
      case .route: .route
      case .client: .clientAddress(ipv4Bits: LimitSubject.clientIPv4Bits, ipv6Bits: LimitSubject.clientIPv6Bits)
      case .header(let name): .header(name)
      case .query(let name): .query(name)
      case .cookie(let name): .cookie(name)
      }
  }
}

extension LimitRule {
  /// The rule of a limit's settings.
  init(_ settings: LimitSettings, nodesAssumed: Int, zones: (String) -> UTCOffsets?) {
    let quantity: LimitedQuantity =
      switch settings.quantity {
      case .tokens(let weights):
        .tokens(
          TokenWeights(
            input: weights.input, cachedInput: weights.cached, cacheWrite: weights.cacheWrite, output: weights.output,
            reasoning: weights.reasoning))
      case .requests: .requests
      case .concurrency: .concurrency
      case .budget(let currency): .money(currency: currency)
      }
    let window: LimitWindow =
      switch settings.window {
      case .sliding(let duration)?: .rate(milliseconds: Int(clamping: duration.milliseconds))
      case .calendar(let unit, let zone)?:
        switch unit {
        case .day: .calendar(.day, zones(zone) ?? .utc)
        case .week: .calendar(.week(firstDay: 1), zones(zone) ?? .utc)
        case .month: .calendar(.month, zones(zone) ?? .utc)
        }
      // Concurrency has none, and none is looked at.
      case nil: .second
      }
    let cases = settings.amounts.map { amount in
      LimitRule.Case(
        anyOf: (settings.match.conditions + amount.match.conditions).map { condition in
          (part: SubjectPart(condition.subject), patterns: condition.patterns.compactMap(SubjectPattern.init))
        }, amount: amount.units,
        id: LimitKey.caseID(amount.match.conditions.map { ($0.subject.description, $0.patterns.map(\.idText)) }))
    }
    self.init(settings.name, quantity, window, cases: cases, each: settings.each.map(SubjectPart.init))
    burst = settings.burst
    exceeded = LimitExceeded(rawValue: settings.onExceeded.rawValue) ?? .truncate
    absence = StoreAbsence(rawValue: settings.whenStoreIsAway.rawValue) ?? .local
    waitMilliseconds = settings.wait.milliseconds
    subjectsMax = settings.maxSubjects
    self.nodesAssumed = max(1, nodesAssumed)
  }
}

extension LimitPattern {
  /// What tells it from all others.
  fileprivate var idText: String {
    switch self {
    case .exact(let text): "exact \(text)"
    case .network(let network): "network \(network)"
    case .prefix(let text): "prefix \(text)"
    case .regex(let text): "regex \(text)"
    case .any: "any"
    }
  }
}

extension SubjectPattern {
  /// The configuration's pattern; nil for an expression that does not compile, which the configuration has refused.
  init?(_ pattern: LimitPattern) {
    switch pattern {
    case .exact(let text): self = .exact(text)
    case .network(let network): self = .network(network)
    case .prefix(let text): self = .prefix(text)
    case .regex(let text):
      guard let compiled = try? ModelPattern(text) else { return nil }
      self = .regex(compiled)
    case .any: self = .any
    }
  }
}

extension Duration {
  /// Whole milliseconds, at least 0.
  var milliseconds: Int {
    let (seconds, attoseconds) = components
    let whole = max(0, min(seconds, 1 << 40)) * 1000
    return Int(whole + max(0, attoseconds) / 1_000_000_000_000_000)
  }
}
