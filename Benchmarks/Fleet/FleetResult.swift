/// What a run showed.
struct FleetResult: Codable {
  /// What was run.
  enum Kind: Codable, Equatable {
    /// The demand as it was asked for.
    case steady
    /// Less demand than the limit allows: how often is Redis asked?
    case below
    /// No limit in the gateways, a window's counter looked at before and raised after each request.
    case fixedWindow
    case fault(FleetFault)

    var words: String {
      switch self {
      case .steady: "limit held by leases"
      case .below: "the same below the limit"
      case .fixedWindow: "fixed window, counted after the fact"
      case .fault(let fault): fault.words
      }
    }

    var name: String {
      switch self {
      case .steady: "steady"
      case .below: "below"
      case .fixedWindow: "fixed"
      case .fault(let fault): fault.rawValue
      }
    }
  }

  var name: String
  var words: String
  var plan: FleetPlan
  var counts: FleetCounts
  /// Whether the model's vocabulary was there, so that every token was known beforehand.
  var isExact: Bool
  /// Tokens in the fullest window of the limit's length, in percent of the limit.
  var worstPercent: Double
  /// The same of the emptiest window of the measured time; nil if none fits into it.
  var fewestPercent: Double?
  /// Over the measured time.
  var meanPercent: Double
  /// Over the last quarter of the measured time, when faults are over.
  var lastQuarterPercent: Double
  /// Calls of scripts on the limit's key, over the measured time; nil where there is nothing to count.
  var callsPerSecond: Double?
  /// Whether the store was asked in the last quarter.
  var isAskedAgain: Bool
  /// What broke its bound.
  var breaches: [String]

  static let worstPercentMax = 101.0
  static let worstPercentMaxWithFaults = 105.0
  static let percentMin = 80.0
  static let callsPerNodeMax = 2.0

  /// Names what does not hold. The comparison holds nothing.
  static func breaches(_ kind: Kind, _ result: FleetResult, usesRedis: Bool) -> [String] {
    guard kind != .fixedWindow else { return [] }
    var breaches: [String] = []
    func demand(_ holds: Bool, _ words: String) { if !holds { breaches.append(words) } }
    let hasFault = if case .fault = kind { true } else { false }
    let worstMax = hasFault ? worstPercentMaxWithFaults : worstPercentMax
    demand(result.worstPercent <= worstMax, "the worst window has more than \(worstMax) %")
    if kind == .steady {
      demand(result.worstPercent >= percentMin, "the worst window has less than \(percentMin) %")
      demand(result.meanPercent >= percentMin, "the mean is less than \(percentMin) %")
    }
    if kind == .below, let calls = result.callsPerSecond {
      let most = callsPerNodeMax * Double(result.plan.nodes)
      demand(calls <= most, "more than \(most) calls a second on the key")
    }
    if hasFault {
      demand(result.lastQuarterPercent >= percentMin, "less than \(percentMin) % in the last quarter: no recovery")
    }
    demand(!usesRedis || result.isAskedAgain, "Redis was not asked in the last quarter")
    let counts = result.counts
    demand(counts.done > 0, "no stream was whole")
    demand(counts.hung == 0, "\(counts.hung) requests hung")
    demand(counts.broken == 0, "\(counts.broken) streams broke")
    demand(counts.miscounted == 0, "usage of \(counts.miscounted) whole streams is not what was counted")
    return breaches
  }
}
