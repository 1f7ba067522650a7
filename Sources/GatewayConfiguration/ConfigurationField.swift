/// The row that declares a key: it knows the key's place in the settings, how to read it, and how two settings differ in it.
/// The default is the one of the settings' own property, so it stands in one place.
struct ConfigurationField<Root: Sendable>: Sendable {
  let name: String
  /// The key's own row and those below it, with paths from the section on.
  let keys: [ConfigurationKey]
  let read: @Sendable (ConfigurationNode, String, inout Root, inout ConfigurationReading) -> Void
  /// The paths (from the section on) of what differs.
  let changes: @Sendable (Root, Root) -> [ConfigurationChange]

  /// A key with a single value or a list of them.
  static func value<Value: Sendable & Equatable>(
    _ name: String, _ place: any WritableKeyPath<Root, Value> & Sendable, _ type: ConfigurationValueType<Value>,
    default root: Root, reload: ConfigurationKey.Reload = .live, required: Bool = false, _ sentence: String
  ) -> Self {
    let key = ConfigurationKey(
      path: name, kind: type.kind, defaultText: type.show(root[keyPath: place]), isRequired: required, reload: reload,
      sentence: sentence)
    return ConfigurationField(name: name, keys: [key]) { node, path, root, reading in
      if let value = type.read(node, path, &reading) { root[keyPath: place] = value }
    } changes: { old, new in
      old[keyPath: place] == new[keyPath: place] ? [] : [ConfigurationChange(path: name, reload: reload)]
    }
  }

  /// A key with keys of its own.
  static func section<Value: Sendable>(
    _ name: String, _ place: any WritableKeyPath<Root, Value> & Sendable, _ section: ConfigurationSection<Value>,
    _ sentence: String
  ) -> Self {
    let key = ConfigurationKey(
      path: name, kind: .section(orShort: []), defaultText: nil, isRequired: false, reload: .live, sentence: sentence)
    return ConfigurationField(name: name, keys: [key] + section.keys(below: name)) { node, path, root, reading in
      section.read(node, path, into: &root[keyPath: place], &reading)
    } changes: { old, new in
      section.changes(old[keyPath: place], new[keyPath: place]).map { $0.below(name) }
    }
  }

  /// Names that the user chooses, each with the same keys. `finish` makes the value from what was read; it reports what is missing.
  static func named<Draft: Sendable, Value: Sendable & Equatable>(
    _ name: String, _ place: any WritableKeyPath<Root, [Value]> & Sendable, _ section: ConfigurationSection<Draft>,
    names: NameRule, draft: @escaping @Sendable () -> Draft, nameOf: @escaping @Sendable (Value) -> String,
    _ sentence: String,
    finish: @escaping @Sendable (String, Draft, String, inout ConfigurationReading) -> Value?
  ) -> Self {
    let key = ConfigurationKey(
      path: name, kind: .sectionsByName, defaultText: nil, isRequired: false, reload: .live, sentence: sentence)
    return ConfigurationField(name: name, keys: [key] + section.keys(below: "\(name).*")) { node, path, root, reading in
      guard case .mapping(let entries) = node.content else {
        guard case .null = node.content else {
          reading.report(
            node.position, path, "expected names, each with keys below it, found \(node.kindInWords)")
          return
        }
        return
      }
      for entry in entries {
        let path = "\(path).\(entry.key)"
        reading.note(entry.position, for: path)
        guard names.allows(entry.key) else {
          reading.report(entry.position, "\(name).\(entry.key.prefix(64))", "not a name for this place", names.mend)
          continue
        }
        var value = draft()
        let before = reading.problems.count
        section.read(entry.value, path, into: &value, &reading)
        reading.note(entry.position, for: path)
        // A value that could not be read is already reported; "missing" on top of it would mislead.
        guard reading.problems.count == before else { continue }
        if let value = finish(entry.key, value, path, &reading) { root[keyPath: place].append(value) }
      }
    } changes: { old, new in
      let (old, new) = (old[keyPath: place], new[keyPath: place])
      let oldByName = Dictionary(old.map { (nameOf($0), $0) }) { first, _ in first }
      let newNames = Set(new.map(nameOf))
      let gone = old.filter { !newNames.contains(nameOf($0)) }
      let changed = new.filter { oldByName[nameOf($0)] != $0 }
      var changes = (gone + changed).map { ConfigurationChange(path: "\(name).\(nameOf($0))", reload: .live) }
      // The order decides which regular expression is tried first.
      if changes.isEmpty, old != new { changes = [ConfigurationChange(path: name, reload: .live)] }
      return changes
    }
  }
}

/// Keys that stand together.
struct ConfigurationSection<Root: Sendable>: Sendable {
  let fields: [ConfigurationField<Root>]
  /// Keys that people look for here, with words on where they stand.
  var elsewhere: [String: String] = [:]
  /// Reads a value that is not a mapping; gives false when it is none of the short forms.
  var readShort: (@Sendable (ConfigurationNode, String, inout Root, inout ConfigurationReading) -> Bool)?

  func keys(below prefix: String) -> [ConfigurationKey] {
    fields.flatMap(\.keys).map { key in
      var key = key
      key.path = "\(prefix).\(key.path)"
      return key
    }
  }

  func read(
    _ node: ConfigurationNode, _ path: String, into root: inout Root, _ reading: inout ConfigurationReading
  ) {
    if let readShort, readShort(node, path, &root, &reading) { return }
    guard case .mapping(let entries) = node.content else {
      if case .null = node.content { return }
      reading.report(
        node.position, path, "expected keys, found \(node.kindInWords)",
        "It takes " + fields.map(\.name).joined(separator: ", "))
      return
    }
    for entry in entries {
      let entryPath = path.isEmpty ? entry.key : "\(path).\(entry.key)"
      guard let field = fields.first(where: { $0.name == entry.key }) else {
        reportUnknown(entry, path, &reading)
        continue
      }
      reading.note(entry.value.position, for: entryPath)
      if case .null = entry.value.content {
        reading.report(entry.position, entryPath, "the key has no value", "Give one, or take the key out")
        continue
      }
      field.read(entry.value, entryPath, &root, &reading)
    }
  }

  func changes(_ old: Root, _ new: Root) -> [ConfigurationChange] { fields.flatMap { $0.changes(old, new) } }

  private func reportUnknown(
    _ entry: ConfigurationNode.Entry, _ path: String, _ reading: inout ConfigurationReading
  ) {
    let name = String(entry.key.prefix(64))
    let entryPath = path.isEmpty ? name : "\(path).\(name)"
    if let words = elsewhere[name] {
      reading.report(entry.position, entryPath, "unknown key", words)
      return
    }
    let names = fields.map(\.name)
    let mend =
      NearestName.nearest(to: name, among: names).first.map { "Did you mean \($0)?" }
      ?? "The keys here are " + names.joined(separator: ", ")
    reading.report(entry.position, entryPath, "unknown key", mend)
  }
}

/// Which names may be chosen at a place.
struct NameRule: Sendable {
  let mend: String
  let allows: @Sendable (String) -> Bool

  /// Bytes of a name; a model name that a request carries has the same bound.
  static let bytesMax = 256

  /// Names of upstreams and consumers: they stand in headers, logs and before the slash of `upstream/model`.
  static let simple = NameRule(
    mend: "Use letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit"
  ) { name in
    (1...64).contains(name.utf8.count) && name.utf8.first.map(ASCII.isLetterOrDigit) == true
      && name.utf8.allSatisfy { ASCII.isLetterOrDigit($0) || "-_.".utf8.contains($0) }
  }

  /// Names of models: visible characters, with `*` only at the end.
  static let model = NameRule(
    mend:
      "Use 1 to \(bytesMax) visible characters without spaces; `*` only at the end; for more, use `match: {regex: …}`"
  ) { name in
    (1...bytesMax).contains(name.utf8.count) && isVisible(name) && !name.dropLast().contains("*")
  }

  static func isVisible(_ name: String) -> Bool {
    name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F && !$0.properties.isWhitespace }
  }
}
