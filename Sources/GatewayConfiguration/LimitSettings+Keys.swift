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
  var wait = Duration.zero
  var whenStoreIsAway = StoreAwayMode.local
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
        "What a sliding window may give at once, at most the amount; left out, a twelfth of it for tokens and money, all of it for requests."
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
        "How long a request may wait for room before it gets 429, and with `onExceeded: wait` a stream."),
      .value(
        "whenStoreIsAway", \.whenStoreIsAway, .choice, default: Self(),
        "While Redis does not answer: `local` keeps each gateway to its share, `open` lets everything pass, `closed` nothing new."
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

extension ConfigurationValueType where Value == LimitWindowText {
  fileprivate static var window: Self {
    let words = LimitWindowWord.allCases.map(\.rawValue)
    let expected = "one of \(words.joined(separator: ", ")) or a time"
    let range = LimitSettings.windowRange
    return ConfigurationValueType(kind: .window(words, range)) { node, path, reading in
      guard let text = reading.text(node, path, expected: expected) else { return nil }
      if let word = LimitWindowWord(rawValue: text.text) { return .word(word) }
      guard let duration = UnitText.duration(text.text) else {
        let near = text.usesVariable ? nil : NearestName.nearest(to: text.text, among: words).first
        reading.report(
          node.position, path, "expected \(expected), found \(ConfigurationReading.shown(text))",
          near.map { "Did you mean \($0)?" } ?? "A time has its unit; for example 10m")
        return nil
      }
      guard range.contains(duration) else {
        reading.report(
          node.position, path, "\(UnitText.words(duration)) is out of range",
          "Give \(UnitText.words(range.lowerBound)) to \(UnitText.words(range.upperBound))")
        return nil
      }
      return .duration(duration)
    } show: { window in
      switch window {
      case .word(let word): word.rawValue
      case .duration(let duration): UnitText.words(duration)
      }
    }
  }
}

extension ConfigurationValueType where Value == String {
  /// The name of a time zone. Whether there is one of that name, the caller of the parser knows.
  fileprivate static var timeZone: Self {
    ConfigurationValueType(kind: .text) { node, path, reading in
      guard let text = reading.text(node, path, expected: "a time zone") else { return nil }
      // The name becomes a file's name where zones are looked up: no dots, nothing empty between slashes.
      let parts = text.text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      guard (1...64).contains(text.text.utf8.count),
        parts.allSatisfy({ part in
          part.first.map(ASCII.isLetterOrDigit) == true
            && part.allSatisfy { ASCII.isLetterOrDigit($0) || "_+-".utf8.contains($0) }
        }), reading.knowsTimeZone(text.text)
      else {
        reading.report(
          node.position, path, "no time zone \(ConfigurationReading.shown(text))",
          "Write its IANA name; for example Europe/Berlin")
        return nil
      }
      return text.text
    } show: {
      $0
    }
  }
}

extension ConfigurationValueType where Value == [LimitSubject]? {
  /// `global`, one subject, or a list of them.
  fileprivate static var subjects: Self {
    let words = ["global"] + LimitSubject.plain.map(\.description)
    let kind = ConfigurationValueKind.subject(words, named: LimitSubject.named.map(\.kind))
    return ConfigurationValueType(kind: .oneOrMore(kind)) { node, path, reading in
      let list: [ConfigurationNode] = if case .list(let nodes) = node.content { nodes } else { [node] }
      var subjects: [LimitSubject] = []
      var isGlobal = false
      let before = reading.problems.count
      for (index, element) in list.enumerated() {
        let place = list.count == 1 ? path : "\(path)[\(index)]"
        guard let text = reading.text(element, place, expected: "a subject") else { continue }
        if text.text == "global" {
          isGlobal = true
        } else if let subject = subject(text, words, element, place, &reading) {
          if subjects.contains(subject) {
            reading.report(element.position, place, "`\(subject)` stands twice", "Keep one")
          }
          subjects.append(subject)
        }
      }
      guard reading.problems.count == before else { return nil }
      guard !list.isEmpty, !isGlobal || list.count == 1 else {
        reading.report(
          node.position, path, list.isEmpty ? "nobody has the amount" : "`global` together with others",
          "Write `global` alone for one amount that all share, or leave it out")
        return nil
      }
      return .some(subjects)
    } show: { _ in
      nil
    }
  }

  private static func subject(
    _ text: VariableExpansion.Expanded, _ words: [String], _ node: ConfigurationNode, _ path: String,
    _ reading: inout ConfigurationReading
  ) -> LimitSubject? {
    if let subject = LimitSubject.plain.first(where: { $0.description == text.text }) { return subject }
    if let colon = text.text.firstIndex(of: ":"),
      let named = LimitSubject.named.first(where: { $0.kind == text.text[..<colon] })
    {
      let name = String(text.text[text.text.index(after: colon)...])
      if let (words, mend) = LimitSubject.problem(ofName: name, kind: named.kind) {
        reading.report(node.position, path, words, mend)
        return nil
      }
      return named.make(named.kind == "header" ? name.lowercased() : name)
    }
    let near = text.usesVariable ? nil : NearestName.nearest(to: text.text, among: words).first
    let named = LimitSubject.named.map { "\($0.kind):NAME" }
    reading.report(
      node.position, path, "expected a subject, found \(ConfigurationReading.shown(text))",
      near.map { "Did you mean \($0)?" } ?? "Write one of \((words + named).joined(separator: ", "))")
    return nil
  }
}
