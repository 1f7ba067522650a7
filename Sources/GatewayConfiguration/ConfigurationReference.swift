/// The reference page, `docs/configuration.md`, printed from the rows of the keys.
public enum ConfigurationReference {
  /// The whole page in Markdown.
  public static var markdown: String {
    var page = """
      # Configuration

      <!-- Printed from the declarations in Sources/GatewayConfiguration; a test compares the two. Do not edit by hand. -->

      One YAML file. Everything wrong with it is reported at once, with file, line and column; a gateway that is running keeps what
      it has until a file is right as a whole. [configuration.schema.json](configuration.schema.json) gives editors the same keys.

      - **Variables**: `${NAME}` stands for an environment variable and `${NAME:-default}` has a default; a missing one is an error.
        Inside `{ }` and `[ ]` write them in quotes. `$$` is a dollar sign.
      - **Times** carry their unit (`250ms`, `30s`, `1m30s`, `2h`, `1d`), **sizes** are bytes or carry one (`64KiB`, `32MiB`, `10MB`).
      - **true and false** are the only booleans; `yes`, `no`, `on` and `off` are refused.
      - Keys marked *restart* are read when the process starts; a reload tells when one of them has changed. All others are live.
      - Keys marked *secret* are never printed.

      """
    for section in sections {
      page += "\n" + table(section)
      if section.title == "limits" { page += "\n" + limits }
    }
    page += "\n" + providers
    return page
  }

  /// Keys that stand under one heading: those at the top, then one group for each key at the top that has keys below it.
  private static var sections: [(title: String, keys: [ConfigurationKey])] {
    let keys = GatewaySettings.configurationKeys
    let top = keys.filter { !$0.path.contains(".") && !$0.path.contains("[") }
    return [("At the top", top)]
      + top.compactMap { parent in
        let below = keys.filter { $0.path.hasPrefix(parent.path + ".") || $0.path.hasPrefix(parent.path + "[") }
        return below.isEmpty ? nil : (parent.path, below)
      }
  }

  private static func table(_ section: (title: String, keys: [ConfigurationKey])) -> String {
    var lines = ["## \(section.title)", "", "| key | value | default | |", "|---|---|---|---|"]
    for key in section.keys {
      var remarks = [key.sentence]
      if key.reload == .restart { remarks.append("*restart*") }
      if key.isSecret { remarks.append("*secret*") }
      let standard = key.isRequired ? "required" : key.defaultText.map { "`\($0)`" } ?? ""
      lines.append("| `\(key.path)` | \(words(key.kind)) | \(standard) | \(remarks.joined(separator: " ")) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func words(_ kind: ConfigurationValueKind) -> String {
    switch kind {
    case .boolean: "true or false"
    case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .decimal(let range):
      "decimal, \(DecimalText.words(range.lowerBound)) to \(DecimalText.words(range.upperBound))"
    case .currency: "currency code"
    case .window(let words, let range):
      words.map { "`\($0)`" }.joined(separator: ", ")
        + ", or a time, \(UnitText.words(range.lowerBound)) to \(UnitText.words(range.upperBound))"
    case .subject(let words, let named): (words + named.map { "\($0):NAME" }).map { "`\($0)`" }.joined(separator: ", ")
    case .pattern: "pattern"
    case .patternsByName: "names with patterns"
    case .size(let range): "size, \(UnitText.words(range.lowerBound)) to \(UnitText.words(range.upperBound))"
    case .duration(let range): "time, \(UnitText.words(range.lowerBound)) to \(UnitText.words(range.upperBound))"
    case .text, .secret: "text"
    case .choice(let choices): choices.map { "`\($0)`" }.joined(separator: ", ")
    case .address: "`host:port`"
    case .block: "address block"
    case .url: "URL"
    case .path: "path"
    case .upstreamName: "an upstream's name"
    case .consumerName: "a consumer's name"
    case .modelName: "a model's name"
    case .list(let kind): "list of: \(words(kind))"
    case .oneOrMore(let kind): "\(words(kind)), or a list"
    case .secretsByName: "header names with texts"
    case .section(let short): short.isEmpty ? "keys" : "keys, or " + short.map { "`\($0)`" }.joined(separator: ", ")
    case .sectionsByName: "names with keys"
    case .sections(let orText, let elementsOrText):
      "list of keys" + (elementsOrText ? " or texts" : "") + (orText ? ", or one text" : "")
    }
  }

  /// How limits go together, which no row tells.
  private static let limits = """
    A limit has one amount: `tokens`, `inputTokens`, `outputTokens`, `requests`, `concurrency` or `budget`.

    - **Patterns** are exact text (letter case counts), a beginning with `*` behind it (`team-*`), a regular expression between slashes
      (`/team-[0-9]+/`, for the whole value, of at most \(ModelPattern.nameBytesMax) bytes), or `*` for any value. Quote what begins with `*`. Where a
      request lacks the value, no pattern matches, `*` neither.
    - **Several limits** stand each for itself: a request must be within all that are for it, and counts in all of them.
    - **Rules** give other amounts within one limit, of which exactly one applies to a request: the most specific that matches. Exact text
      goes before an address block (longer first), that before a beginning (longer first), then regular expressions, then `*`; several
      conditions add up; of equally specific rules the first applies, and the limit's own amount comes last. A limit without an amount of
      its own is only for requests that a rule matches.
    - **each** says who has the amount alone. Left out, it is what `match` and `rules` name, if that is one thing: `match: { consumer: "*" }`
      gives every consumer the amount, `match: { consumer: [a, b] }` gives it to a and to b, and a limit without conditions, or with several,
      has one amount that all share. Requests that lack what `each` names share one amount.
    - **per** slides: what is used comes back little by little, and no stretch of that length holds more tokens or money than the amount, but
      for what had begun when it was used up: a prompt that is larger than what may come at once is served whole, and held against what comes
      after it. A prompt larger than the whole amount is refused. Requests may come all at once, so that after a rest such a stretch can hold
      up to twice the amount, never more on average. With `calendar: true` it is all there again when the day, week or month begins.
    - **Budgets** count by `models.*.price`, so every model that a budget is for needs one, in the budget's currency. Names asked for as
      `upstream/model` without an entry have no price, and are refused where a budget is for them.

    ```yaml
    limits:
      r1-per-minute: { match: { model: deepseek-r1 }, each: consumer, tokens: 100000, per: minute, onExceeded: fallback }
      research-month: { match: { consumer: research }, budget: 500, currency: USD, per: month, onExceeded: error }
      teams:
        each: "header:x-team"
        tokens: 20000
        per: minute
        rules:
          - { match: { header: { x-team: core } }, tokens: 200000 }
          - { match: { header: { x-team: "guest-*" } }, tokens: 2000 }
    ```

    """

  private static var providers: String {
    var lines = [
      "## Providers", "",
      "What `provider` stands for. Without a file, the variables alone make an upstream of the provider's name.", "",
      "| provider | base URL | key header | usage asked | variables |", "|---|---|---|---|---|",
    ]
    for preset in ProviderPreset.all {
      let variables = (preset.keyVariables + [preset.baseURLVariable].compactMap { $0 }).map { "`\($0)`" }
      lines.append(
        "| `\(preset.name)` | \(preset.baseURL ?? "give one") | `\(preset.authentication.rawValue)` | "
          + "\(preset.acceptsIncludeUsage ? "yes" : "no") | \(variables.joined(separator: ", ")) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
