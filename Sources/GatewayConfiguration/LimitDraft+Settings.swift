// What the keys of one limit say together: exactly one amount, and only keys that mean something with it.

extension LimitDraft {
  /// The limit; nil when something is missing or contradicts itself, which is then reported.
  func settings(name: String, _ path: String, _ reading: inout ConfigurationReading) -> LimitSettings? {
    guard let kind = kind(path, &reading), let quantity = quantity(kind, path, &reading),
      let match = match.match("\(path).match", &reading), let amounts = amounts(path, &reading)
    else { return nil }
    var limit = LimitSettings(name: name, quantity: quantity, window: nil, match: match, amounts: amounts)
    if quantity == .concurrency {
      guard isWithoutWindow(path, &reading) else { return nil }
    } else {
      guard let window = window(path, &reading) else { return nil }
      limit.window = window
      guard burstFits(window, kind, amounts, path, &reading) else { return nil }
      limit.burst = burst.map { kind == "budget" ? $0 : $0 / DecimalText.scale }
    }
    guard onExceeded != .wait || wait > .zero else {
      reading.report(at: "\(path).onExceeded", "`wait` without a time to wait", "Give `wait: 2s`, or write truncate")
      return nil
    }
    limit.each = each ?? Self.usualSubjects(of: [match] + amounts.map(\.match))
    limit.onExceeded = onExceeded
    limit.wait = wait
    limit.whenStoreIsAway = whenStoreIsAway
    limit.maxSubjects = maxSubjects
    return limit
  }

  /// The one thing that all conditions name has the amount for itself; else all share it.
  private static func usualSubjects(of matches: [LimitMatch]) -> [LimitSubject] {
    let named = Set(matches.flatMap(\.conditions).map(\.subject))
    return named.count == 1 ? Array(named) : []
  }

  // MARK: Amounts

  /// The name of the amount that the limit and its rules give.
  private func kind(_ path: String, _ reading: inout ConfigurationReading) -> String? {
    var kind: String?
    var places = rules.enumerated().map { (path: "\(path).rules[\($0.offset)]", amounts: $0.element.amounts) }
    if !amounts.given.isEmpty || rules.isEmpty { places.insert((path, amounts), at: 0) }
    for place in places {
      let given = place.amounts.given
      guard let first = given.first else {
        reading.report(
          at: place.path, "no amount",
          "Give one of tokens, inputTokens, outputTokens, requests, concurrency, budget")
        return nil
      }
      guard given.count == 1 else {
        reading.report(
          at: "\(place.path).\(given[1].name)", "`\(first.name)` and `\(given[1].name)` are both given",
          "Keep one; make another limit of the other, a request must be within both")
        return nil
      }
      if let kind, kind != first.name {
        reading.report(
          at: "\(place.path).\(first.name)", "`\(first.name)` in a limit of `\(kind)`",
          "Rules count what their limit counts; make another limit of it")
        return nil
      }
      kind = first.name
    }
    return kind
  }

  private func amounts(_ path: String, _ reading: inout ConfigurationReading) -> [LimitAmount]? {
    var list: [LimitAmount] = []
    for (index, rule) in rules.enumerated() {
      let place = "\(path).rules[\(index)]"
      guard let match = rule.match.match("\(place).match", &reading) else { return nil }
      guard !match.conditions.isEmpty else {
        reading.report(
          at: place, "a rule for every request", "Give the rule a `match`, or the amount to the limit itself")
        return nil
      }
      guard !list.contains(where: { $0.match == match }) else {
        reading.report(at: "\(place).match", "an earlier rule has the same `match`", "Take one out")
        return nil
      }
      for (_, units) in rule.amounts.given { list.append(LimitAmount(match: match, units: units)) }
    }
    for (_, units) in amounts.given { list.append(LimitAmount(units: units)) }
    return list
  }

  // MARK: What is counted

  private func quantity(
    _ kind: String, _ path: String, _ reading: inout ConfigurationReading
  ) -> LimitQuantity? {
    if kind != "budget", currency != nil {
      reading.report(at: "\(path).currency", "a currency for `\(kind)`", "Take it out, or limit a `budget`")
      return nil
    }
    switch kind {
    case "tokens": return weighted(LimitWeights(), kind, path, &reading).map { .tokens($0) }
    case "inputTokens": return weighted(.ofInput, kind, path, &reading).map { .tokens($0) }
    case "outputTokens": return weighted(.ofOutput, kind, path, &reading).map { .tokens($0) }
    default: break
    }
    guard weights.given.isEmpty else {
      reading.report(at: "\(path).weights", "weights for `\(kind)`", "They are for token limits; take them out")
      return nil
    }
    switch kind {
    case "requests": return .requests
    case "concurrency": return .concurrency
    default: return .budget(currency: currency ?? "USD")
    }
  }

  private func weighted(
    _ usual: LimitWeights, _ kind: String, _ path: String, _ reading: inout ConfigurationReading
  ) -> LimitWeights? {
    var weights = usual
    for (name, place, millionths) in self.weights.given {
      guard usual[keyPath: place] > 0 else {
        reading.report(at: "\(path).weights.\(name)", "`\(kind)` do not count these", "Take it out, or limit `tokens`")
        return nil
      }
      guard millionths % LimitWeightsDraft.thousandth == 0 else {
        reading.report(
          at: "\(path).weights.\(name)", "\(DecimalText.words(millionths)) is too fine",
          "Give at most three digits behind the point")
        return nil
      }
      weights[keyPath: place] = millionths / LimitWeightsDraft.thousandth
    }
    let all = [weights.input, weights.cached, weights.cacheWrite, weights.output, weights.reasoning]
    guard all.contains(where: { $0 > 0 }) else {
      reading.report(at: "\(path).weights", "nothing is counted", "Give one class a weight above 0")
      return nil
    }
    return weights
  }

  // MARK: In what time

  private func isWithoutWindow(_ path: String, _ reading: inout ConfigurationReading) -> Bool {
    let given = [
      ("per", window != nil), ("calendar", calendar != nil), ("timeZone", timeZone != nil), ("burst", burst != nil),
    ]
    guard let (name, _) = given.first(where: \.1) else { return true }
    reading.report(
      at: "\(path).\(name)", "`concurrency` counts what runs at once, in no time", "Take `\(name)` out")
    return false
  }

  private func window(_ path: String, _ reading: inout ConfigurationReading) -> LimitPeriod? {
    guard let window else {
      reading.report(
        at: path, "`per` is missing",
        "Write second, minute, hour, day, week, month, or a time such as 10m")
      return nil
    }
    var unit: LimitCalendarUnit?
    var length: Duration?
    switch window {
    case .word(let word): (unit, length) = (LimitCalendarUnit(rawValue: word.rawValue), word.duration)
    case .duration(let duration): length = duration
    }
    if calendar == true || (calendar == nil && length == nil) {
      guard let unit else {
        reading.report(
          at: "\(path).calendar", "the calendar has no such period", "Write `per: day`, week or month, or take it out")
        return nil
      }
      return .calendar(unit, timeZone: timeZone ?? "UTC")
    }
    guard let length else {
      reading.report(
        at: "\(path).calendar", "a month has no length of its own", "Write `per: 30d`, or take `calendar: false` out")
      return nil
    }
    guard timeZone == nil else {
      reading.report(
        at: "\(path).timeZone", "a sliding window begins at no hour", "Write `calendar: true`, or take it out")
      return nil
    }
    return .sliding(length)
  }

  private func burstFits(
    _ window: LimitPeriod, _ kind: String, _ amounts: [LimitAmount], _ path: String,
    _ reading: inout ConfigurationReading
  ) -> Bool {
    guard let burst else { return true }
    let place = "\(path).burst"
    if case .calendar = window {
      reading.report(at: place, "a calendar period may be used up at once", "Take `burst` out")
      return false
    }
    let scale = kind == "budget" ? 1 : DecimalText.scale
    guard burst % scale == 0 else {
      reading.report(at: place, "\(DecimalText.words(burst)) \(kind)", "Give a whole number")
      return false
    }
    let least = amounts.map(\.units).min() ?? 0
    guard burst / scale <= least else {
      let words = kind == "budget" ? DecimalText.words(least) : "\(least)"
      reading.report(
        at: place, "\(DecimalText.words(burst)) at once of \(words) in all", "Lower burst or raise the amount")
      return false
    }
    return true
  }
}
