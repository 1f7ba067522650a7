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
    for section in sections { page += "\n" + table(section) }
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
    case .size(let range): "size, \(UnitText.words(range.lowerBound)) to \(UnitText.words(range.upperBound))"
    case .duration(let range): "time, \(UnitText.words(range.lowerBound)) to \(UnitText.words(range.upperBound))"
    case .text, .secret: "text"
    case .choice(let choices): choices.map { "`\($0)`" }.joined(separator: ", ")
    case .address: "`host:port`"
    case .block: "address block"
    case .url: "URL"
    case .path: "path"
    case .upstreamName: "an upstream's name"
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
