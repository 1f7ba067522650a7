/// Which models a budget can be for, as far as their names, their upstreams and who may ask for them tell. What cannot be told counts as yes:
/// a model too many wants a price, a model too few would be free.
struct BudgetScope {
  private struct NamePattern {
    let pattern: LimitPattern
    let matches: (String) -> Bool
  }

  private let models: [[NamePattern]]
  private let upstreams: Set<String>
  private let consumers: [ConsumerSettings]
  private let anonymousMayAsk: Bool
  private let exactNames: Set<String>

  init(_ settings: GatewaySettings, _ conditions: [LimitCondition]) {
    // Each expression is compiled once, not once a name.
    func patterns(_ subject: LimitSubject) -> [[NamePattern]] {
      conditions.filter { $0.subject == subject }.map {
        $0.patterns.map { NamePattern(pattern: $0, matches: $0.matcher) }
      }
    }
    func all(_ patterns: [[NamePattern]], _ isMet: (NamePattern) -> Bool) -> Bool {
      patterns.allSatisfy { $0.contains(where: isMet) }
    }
    models = patterns(.model)
    let upstreamPatterns = patterns(.upstream)
    upstreams = Set(settings.upstreams.map(\.name).filter { name in all(upstreamPatterns) { $0.matches(name) } })
    let (names, keys) = (patterns(.consumer), patterns(.key))
    consumers = settings.consumers.filter { consumer in
      all(names) { $0.matches(consumer.name) }
        && all(keys) { pattern in consumer.keys.contains { pattern.matches($0.hexadecimal) } }
    }
    anonymousMayAsk =
      settings.anonymous && keys.isEmpty && all(names) { $0.matches(ConsumerSettings.anonymousName) }
    exactNames = Set(settings.models.lazy.filter { $0.match == .exact }.map(\.name))
  }

  /// Whether a request for the model may be in the budget.
  func holds(_ model: ModelSettings) -> Bool {
    guard models.allSatisfy({ $0.contains { mayBeAsked(model, as: $0.pattern, $0.matches) } }),
      model.serve.contains(where: { upstreams.contains($0.upstream) })
    else { return false }
    return anonymousMayAsk || consumers.contains { mayUse($0, model) }
  }

  private func mayUse(_ consumer: ConsumerSettings, _ model: ModelSettings) -> Bool {
    guard let allowed = consumer.models else { return true }
    return allowed.contains { name in
      let pattern = name.hasSuffix("*") ? LimitPattern.prefix(String(name.dropLast())) : .exact(name)
      let matches = pattern.matcher
      return model.aliases.contains(where: matches) || mayBeAsked(model, as: pattern, matches)
    }
  }

  /// Whether the entry may be asked for by a name of that pattern.
  private func mayBeAsked(_ model: ModelSettings, as pattern: LimitPattern, _ matches: (String) -> Bool) -> Bool {
    switch (model.match, pattern) {
    case (_, .any): true
    case (_, .network): false
    case (.exact, _): matches(model.name)
    case (.prefix(let prefix), .exact(let name)): name == model.name || (name.hasPrefix(prefix) && !isExact(name))
    case (.prefix(let prefix), .prefix(let other)): prefix.hasPrefix(other) || other.hasPrefix(prefix)
    case (.regex(let text), .exact(let name)):
      name == model.name || (!isExact(name) && LimitPattern.regex(text).matches(name))
    case (.prefix, .regex), (.regex, .prefix), (.regex, .regex): true
    }
  }

  private func isExact(_ name: String) -> Bool { exactNames.contains(name) }
}
