// Names that limits speak of, and prices that budgets need.

extension ConfigurationChecks {
  func checkLimits(_ reading: inout ConfigurationReading) {
    if settings.limits.count > LimitSettings.limitsMax {
      reading.report(
        at: "limits", "\(settings.limits.count) limits",
        "At most \(LimitSettings.limitsMax); `rules` and `each` make many of one")
    }
    for limit in settings.limits.prefix(LimitSettings.limitsMax) {
      let path = "limits.\(limit.name)"
      let before = reading.problems.count
      check(limit.match, "\(path).match", &reading)
      for (index, amount) in limit.amounts.enumerated() {
        check(amount.match, "\(path).rules[\(index)].match", &reading)
      }
      // What a wrong name leaves over says nothing about prices.
      guard reading.problems.count == before else { continue }
      if case .budget(let currency) = limit.quantity { checkPrices(of: limit, currency, &reading) }
    }
  }

  private func check(_ match: LimitMatch, _ path: String, _ reading: inout ConfigurationReading) {
    for condition in match.conditions {
      let place = "\(path).\(condition.subject.keyPath)"
      for (index, pattern) in condition.patterns.enumerated() {
        let element = reading.positions["\(place)[\(index)]"] == nil ? place : "\(place)[\(index)]"
        switch condition.subject {
        case .consumer: checkConsumer(pattern, element, &reading)
        case .upstream: checkUpstream(pattern, element, &reading)
        case .model: checkModel(pattern, element, &reading)
        case .key: checkKey(pattern, element, &reading)
        case .route, .client, .header, .query, .cookie: break
        }
      }
    }
  }

  private func checkConsumer(_ pattern: LimitPattern, _ path: String, _ reading: inout ConfigurationReading) {
    let anonymous = ConsumerSettings.anonymousName
    guard pattern != .exact(anonymous) || settings.anonymous else {
      reading.report(at: path, "no request is without a key", "Write `anonymous: true` at the top, or take it out")
      return
    }
    let known = names.consumers + (settings.anonymous ? [anonymous] : [])
    checkName(pattern, "consumer", "consumers", known, path, &reading)
  }

  private func checkUpstream(_ pattern: LimitPattern, _ path: String, _ reading: inout ConfigurationReading) {
    checkName(pattern, "upstream", "upstreams", names.upstreams, path, &reading)
  }

  /// A pattern of which no declared name can be is a slip, for there are no others.
  private func checkName(
    _ pattern: LimitPattern, _ kind: String, _ section: String, _ known: [String], _ path: String,
    _ reading: inout ConfigurationReading
  ) {
    if case .any = pattern { return }
    let matches = pattern.matcher
    guard !known.contains(where: matches) else { return }
    if case .exact(let name) = pattern {
      let near = NearestName.nearest(to: name, among: known).first
      let some = known.prefix(10).joined(separator: ", ")
      reading.report(
        at: path, "no \(kind) `\(name.prefix(64))`",
        near.map { "Did you mean \($0)?" } ?? (some.isEmpty ? "Declare it under `\(section)`" : "There are \(some)"))
    } else {
      reading.report(at: path, "no \(kind) matches", "Compare it with the names under `\(section)`")
    }
  }

  private func checkModel(_ pattern: LimitPattern, _ path: String, _ reading: inout ConfigurationReading) {
    guard case .exact(let name) = pattern else { return }
    if let model = settings.models.first(where: { $0.aliases.contains(name) }) {
      reading.report(at: path, "`\(name)` is an alias", "Write the model's name, \(model.name)")
      return
    }
    guard !mayExist(name) else { return }
    let near = NearestName.nearest(to: name, among: names.models).first
    reading.report(
      at: path, "no model `\(name.prefix(64))`",
      near.map { "Did you mean \($0)?" } ?? "Name a model, a prefix such as `gpt-*`, or `upstream/model`")
  }

  private func checkKey(_ pattern: LimitPattern, _ path: String, _ reading: inout ConfigurationReading) {
    guard case .exact(let digest) = pattern, settings.consumers.count == names.consumers.count,
      !settings.consumers.contains(where: { $0.keys.contains { $0.hexadecimal == digest } })
    else { return }
    reading.report(at: path, "no consumer has this key", "Write it as it stands under `consumers`")
  }

  // MARK: Budgets

  private func checkPrices(of limit: LimitSettings, _ currency: String, _ reading: inout ConfigurationReading) {
    let path = "limits.\(limit.name)"
    let scopes = limit.amounts.map { BudgetScope(settings, limit.match.conditions + $0.match.conditions) }
    let models = settings.models.filter { model in scopes.contains { $0.holds(model) } }
    let unpriced = models.filter { $0.price == nil }.map(\.name)
    if let first = unpriced.first {
      let words = unpriced.prefix(5).joined(separator: ", ") + (unpriced.count > 5 ? ", …" : "")
      reading.report(
        at: path, "a budget over models without a price: \(words)",
        "Give `models.\(first).price`, or name the models that it is for in `match`")
    } else if models.isEmpty, isWhole {
      reading.report(at: path, "a budget over no model", "Prices belong to entries of `models`; declare what it is for")
    }
    if let model = models.first(where: { $0.price.map { $0.currency != currency } ?? false }), let price = model.price {
      reading.report(
        at: reading.positions["\(path).currency"] == nil ? path : "\(path).currency",
        "a budget in \(currency) over \(model.name), which costs \(price.currency)",
        "Nothing is converted: give both the same currency, or leave the model out of `match`")
    }
  }

  /// Whether all models and consumers of the file could be read, and somebody may ask.
  private var isWhole: Bool {
    settings.models.count == names.models.count && settings.consumers.count == names.consumers.count
      && (settings.anonymous || !settings.consumers.isEmpty)
  }
}

extension LimitSubject {
  /// Its place below `match`.
  fileprivate var keyPath: String {
    switch self {
    case .header(let name): "header.\(name)"
    case .query(let name): "query.\(name)"
    case .cookie(let name): "cookie.\(name)"
    case .consumer, .key, .model, .upstream, .route, .client: description
    }
  }
}
