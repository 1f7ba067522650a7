/// A limit as far as it has been read.
struct LimitDraft: Sendable {
  var match = LimitMatchDraft()
  var each: [LimitSubject]?
  var amounts = LimitAmountsDraft()
  var window: LimitWindowText?
  var calendar: Bool?
  var timeZone: String?
  /// Millionths of a token, a request or the currency's unit.
  var burst: Int?
  var weights = LimitWeightsDraft()
  var currency: String?
  var onExceeded = LimitExceededPolicy.truncate
  var wait = Duration.seconds(1)
  var whenStoreIsAway = StoreAwayMode.local
  var maxSubjects = 100_000
  var rules: [LimitRuleDraft] = []

  static let section = ConfigurationSection<LimitDraft>(
    fields: [
      .section(
        "match", \.match, LimitMatchDraft.section,
        "Which requests it is for: all conditions must hold, in a list one of the patterns; left out, every request."),
      .value(
        "each", \.each, .subjects, default: Self(),
        "Who has the amount alone: one of these, or a list for each combination; left out, what `match` and `rules` name if that is one thing, else `global`."
      ),
    ] + LimitAmountsDraft.fields(at: \.amounts) + [
      .value(
        "per", \.window, .optional(.window), default: Self(),
        "In what time, sliding; not with `concurrency`. A month is one of the calendar."),
      .value(
        "calendar", \.calendar, .optional(.boolean), default: Self(),
        "Counts days, weeks (from Monday) or months of the calendar, each beginning anew, instead of any 24 hours or 7 days."
      ),
      .value(
        "timeZone", \.timeZone, .optional(.timeZone), default: Self(),
        "Where the calendar's days begin: an IANA name such as `Europe/Berlin`; left out, `UTC`."),
      .value(
        "burst", \.burst, .optional(.decimal(1...LimitSettings.countMax * DecimalText.scale)), default: Self(),
        "What a sliding window may give at once, at most the amount, and of tokens and money at most nine tenths of it, for what may come at once and what comes in the window make the amount together; left out, all of it for requests; for tokens and money a twelfth, but up to half of it while that is at most 1024 tokens or 0.0125 of the currency unit."
      ),
      .section(
        "weights", \.weights, LimitWeightsDraft.section, "How much a token of each class counts, with token limits."),
      .value(
        "currency", \.currency, .optional(.currency), default: Self(),
        "The ISO code of a `budget`, the same as that of the models' prices; left out, `USD`."),
      .value(
        "onExceeded", \.onExceeded, .choice, default: Self(),
        "At its end: `fallback` tries the next candidate; `truncate` ends a running stream with finish_reason `length`, `error` with an error, `wait` after waiting for more; a request that has not begun gets 429."
      ),
      .value(
        "wait", \.wait, .duration(.zero...LimitSettings.waitMax), default: Self(),
        "How long a request may wait for room before it gets 429; one that cannot get it in that time gets 429 at once, and with `onExceeded: fallback` the next candidate, while there is one, is tried without waiting. A stream that has run dry waits so long for more in all its life, with `onExceeded: wait` so long each time."
      ),
      .value(
        "whenStoreIsAway", \.whenStoreIsAway, .choice, default: Self(),
        "While Redis does not answer: `local` keeps each gateway to its share, `open` lets everything pass, `closed` nothing new."
      ),
      .value(
        "maxSubjects", \.maxSubjects, .integer(1...LimitSettings.subjectsMax), default: Self(),
        "Subjects that each event loop keeps apart at once, and that a calendar period's quota may have in one process. Beyond it the one idle longest makes room; while none is idle, newcomers share one subject."
      ),
      .rules,
    ])
}

/// The amount under the name of what it counts. Exactly one is to be given.
struct LimitAmountsDraft: Sendable {
  var tokens: Int?
  var inputTokens: Int?
  var outputTokens: Int?
  var requests: Int?
  var concurrency: Int?
  var budget: Int?

  /// The names and amounts that are given.
  var given: [(name: String, units: Int)] {
    let all = [
      ("tokens", tokens), ("inputTokens", inputTokens), ("outputTokens", outputTokens), ("requests", requests),
      ("concurrency", concurrency), ("budget", budget),
    ]
    return all.compactMap { name, units in units.map { (name, $0) } }
  }

  static func fields<Root>(
    at place: any WritableKeyPath<Root, LimitAmountsDraft> & Sendable
  ) -> [ConfigurationField<Root>] {
    let counts = ConfigurationValueType<Int?>.optional(.integer(1...LimitSettings.countMax))
    let streams = ConfigurationValueType<Int?>.optional(.integer(1...LimitSettings.concurrencyMax))
    let money = ConfigurationValueType<Int?>.optional(.decimal(1...LimitSettings.budgetMicrosMax))
    let section = ConfigurationSection<LimitAmountsDraft>(fields: [
      .value("tokens", \.tokens, counts, default: Self(), "Tokens of prompts and answers. One amount a limit."),
      .value("inputTokens", \.inputTokens, counts, default: Self(), "Tokens of prompts."),
      .value("outputTokens", \.outputTokens, counts, default: Self(), "Tokens of answers."),
      .value("requests", \.requests, counts, default: Self(), "Requests."),
      .value("concurrency", \.concurrency, streams, default: Self(), "Requests that run at once."),
      .value("budget", \.budget, money, default: Self(), "Money, by the models' `price`."),
    ])
    return section.fields.map { field in
      ConfigurationField<Root>(name: field.name, keys: field.keys) { node, path, root, reading in
        field.read(node, path, &root[keyPath: place], &reading)
      } changes: { _, _ in
        []
      }
    }
  }
}

/// An entry of `rules` as far as it has been read.
struct LimitRuleDraft: Sendable {
  var match = LimitMatchDraft()
  var amounts = LimitAmountsDraft()

  static let section = ConfigurationSection<LimitRuleDraft>(
    fields: [
      .section(
        "match", \.match, LimitMatchDraft.section,
        "Which requests have this amount instead; the conditions of the limit hold as well.")
    ] + LimitAmountsDraft.fields(at: \.amounts))
}

/// Weights as far as they have been read, in millionths.
struct LimitWeightsDraft: Sendable {
  var input: Int?
  var cached: Int?
  var cacheWrite: Int?
  var output: Int?
  var reasoning: Int?

  var given: [(name: String, place: WritableKeyPath<LimitWeights, Int>, millionths: Int)] {
    let all: [(String, WritableKeyPath<LimitWeights, Int>, Int?)] = [
      ("input", \.input, input), ("cached", \.cached, cached), ("cacheWrite", \.cacheWrite, cacheWrite),
      ("output", \.output, output), ("reasoning", \.reasoning, reasoning),
    ]
    return all.compactMap { name, place, weight in weight.map { (name, place, $0) } }
  }

  private static let weight = ConfigurationValueType<Int?>.optional(
    .decimal(0...LimitWeights.thousandthsMax * thousandth))
  /// Millionths.
  static let thousandth = 1000

  static let section = ConfigurationSection<LimitWeightsDraft>(fields: [
    .value("input", \.input, weight, default: Self(), "A token of the prompt that no cache served; left out, 1."),
    .value("cached", \.cached, weight, default: Self(), "A token of the prompt read from a cache; left out, 1."),
    .value(
      "cacheWrite", \.cacheWrite, weight, default: Self(), "A token of the prompt written to a cache; left out, 1."),
    .value("output", \.output, weight, default: Self(), "A token of the answer; left out, 1."),
    .value("reasoning", \.reasoning, weight, default: Self(), "A token of thoughts; left out, 1."),
  ])
}

/// What `per` says.
enum LimitWindowText: Sendable, Equatable {
  case word(LimitWindowWord)
  case duration(Duration)
}

/// The words for `per`.
enum LimitWindowWord: String, CaseIterable, Sendable {
  case second, minute, hour, day, week, month

  /// Its length; a month has none.
  var duration: Duration? {
    switch self {
    case .second: .seconds(1)
    case .minute: .seconds(60)
    case .hour: .seconds(3600)
    case .day: .seconds(86_400)
    case .week: .seconds(7 * 86_400)
    case .month: nil
    }
  }
}

extension ConfigurationField where Root == LimitDraft {
  fileprivate static var rules: Self {
    let section = LimitRuleDraft.section
    let key = ConfigurationKey(
      path: "rules", kind: .sections(), defaultText: nil, isRequired: false, reload: .live,
      sentence:
        "Other amounts for some of the requests; of all that match, the limit's own included, the most specific applies."
    )
    return ConfigurationField(name: "rules", keys: [key] + section.keys(below: "rules[]")) {
      node, path, root, reading in
      root.rules = readSections(node, path, section, draft: LimitRuleDraft(), &reading) { draft, _, _ in draft }
      if root.rules.count > LimitSettings.rulesMax {
        reading.report(node.position, path, "\(root.rules.count) rules", "Give at most \(LimitSettings.rulesMax)")
      }
    } changes: { _, _ in
      []
    }
  }
}
