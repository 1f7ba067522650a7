/// A model as far as it has been read.
struct ModelDraft: Sendable {
  var serve: [ServeSettings] = []
  var match = MatchDraft()
  var aliases: [String] = []
  var fallback: [String] = []
  var onFault = FaultPolicies()
  var ownedBy = "sluice"
  var vocabulary = ModelVocabulary.auto
  var tokens = ModelTokenSettings()
  var maxOutput: Int?
  var price: ModelPrice?

  struct MatchDraft: Sendable {
    var regex: String?

    static let section = ConfigurationSection<MatchDraft>(fields: [
      .value(
        "regex", \.regex, .optional(.regex), default: Self(),
        "A regular expression for the whole asked name; tried last, in file order.")
    ])
  }

  static let section = ConfigurationSection<ModelDraft>(
    fields: [
      .serve,
      .value(
        "aliases", \.aliases, .list(of: .text()), default: Self(), "Other exact names for it."),
      .value(
        "fallback", \.fallback, .list(of: .text(.modelName)), default: Self(),
        "Models to try, in order, when none of `serve` can."),
      .section(
        "onFault", \.onFault, FaultPolicies.section,
        "What is tried when one of `serve` fails, by the kind of fault: `next` asks another candidate while the client has nothing of the answer, `answer` tells the caller at once (docs/failure-modes.md)."
      ),
      .section("match", \.match, MatchDraft.section, "Which asked names it answers to, when it is not its own."),
      .value("ownedBy", \.ownedBy, .text(), default: Self(), "The `owned_by` of `/v1/models`."),
      .value(
        "vocabulary", \.vocabulary, .choice, default: Self(),
        "In which vocabulary its tokens are counted: exactly when it is installed, estimated otherwise; `auto` goes by the model's name, `none` counts nothing."
      ),
      .section(
        "tokens", \.tokens, ModelTokenSettings.section,
        "Tokens of what is no text, for counting before and without usage."),
      .value(
        "maxOutput", \.maxOutput, .optional(.integer(1...10_000_000)), default: Self(),
        "The most tokens that one answer can have: a quota or budget bounds an answer only where less is left. Left out, what is known of the model's name (docs/counting.md)."
      ),
      .price,
    ], elsewhere: ["limits": "Limits stand under `limits` at the top: match: { model: NAME }"])

  /// The model; nil when something is missing or contradicts itself, which is then reported.
  func settings(name: String, _ path: String, _ reading: inout ConfigurationReading) -> ModelSettings? {
    guard !serve.isEmpty else {
      reading.report(
        at: "\(path).serve", "nobody serves this model", "Write `serve: [{upstream: NAME, model: NAME-THERE}]`")
      return nil
    }
    var kind = ModelMatch.exact
    if let regex = match.regex {
      guard !name.hasSuffix("*") else {
        reading.report(at: path, "a name with `*` and a regular expression", "Keep one; the other name may be any word")
        return nil
      }
      kind = .regex(regex)
    } else if name.hasSuffix("*") {
      kind = .prefix(String(name.dropLast()))
    }
    for (index, alias) in aliases.enumerated() where !NameRule.model.allows(alias) || alias.contains("*") {
      reading.report(at: "\(path).aliases[\(index)]", "not an exact model name", NameRule.model.mend)
      return nil
    }
    return ModelSettings(
      name: name, match: kind, serve: serve, aliases: aliases, fallback: fallback, ownedBy: ownedBy,
      vocabulary: vocabulary, tokens: tokens, maxOutput: maxOutput, price: price, onFault: onFault)
  }
}

extension ConfigurationValueType where Value == String {
  /// A regular expression that ``ModelPattern`` takes.
  static var regex: Self {
    ConfigurationValueType(kind: .text) { node, path, reading in
      guard let text = reading.text(node, path, expected: "a regular expression") else { return nil }
      do throws(ModelPattern.Problem) {
        _ = try ModelPattern(text.text)
        return text.text
      } catch {
        reading.report(
          node.position, path, "not a regular expression: \(error.words)",
          "In YAML, single quotes leave backslashes alone")
        return nil
      }
    } show: {
      $0
    }
  }
}

private struct ServeDraft: Sendable {
  var upstream: String?
  var model: String?

  static let section = ConfigurationSection<ServeDraft>(
    fields: [
      .value(
        "upstream", \.upstream, .optional(.text(.upstreamName)), default: Self(), required: true,
        "Who serves it."),
      .value(
        "model", \.model, .optionalText, default: Self(),
        "The model's name there; left out, this entry's own name, or what a pattern was asked for."),
    ],
    readShort: { node, path, draft, reading in
      guard case .text = node.content else { return false }
      draft.upstream = ConfigurationValueType.text().read(node, path, &reading)
      return true
    })
}

extension ConfigurationField where Root == ModelDraft {
  fileprivate static var price: Self {
    let section = ModelPriceDraft.section
    let key = ConfigurationKey(
      path: "price", kind: .section(orShort: []), defaultText: nil, isRequired: false, reload: .live,
      sentence: "What its tokens cost; needed where a budget counts it.")
    return ConfigurationField(name: "price", keys: [key] + section.keys(below: "price")) { node, path, root, reading in
      var draft = ModelPriceDraft()
      let before = reading.problems.count
      section.read(node, path, into: &draft, &reading)
      guard reading.problems.count == before else { return }
      root.price = draft.price(path, &reading)
    } changes: { _, _ in
      []
    }
  }

  fileprivate static var serve: Self {
    let section = ServeDraft.section
    let key = ConfigurationKey(
      path: "serve", kind: .sections(orText: true, elementsOrText: true), defaultText: nil, isRequired: true,
      reload: .live,
      sentence: "Who serves it, in order of preference; an entry, or all of it, may be just an upstream's name.")
    return ConfigurationField(name: "serve", keys: [key] + section.keys(below: "serve[]")) {
      node, path, root, reading in
      var node = node
      if case .text = node.content { node.content = .list([node]) }
      let isList = if case .list = node.content { true } else { false }
      guard isList else {
        reading.report(
          node.position, path, "expected a list, found \(node.kindInWords)",
          "Write [{upstream: NAME, model: NAME-THERE}]")
        return
      }
      root.serve = readSections(node, path, section, draft: ServeDraft(), &reading) { draft, path, reading in
        guard let upstream = draft.upstream else {
          reading.report(at: path, "`upstream` is missing", "Write {upstream: NAME}")
          return nil
        }
        return ServeSettings(upstream: upstream, model: draft.model)
      }
    } changes: { _, _ in
      []
    }
  }
}
