/// Which model names a consumer may use.
struct ModelAccess: Sendable {
  /// Nil means every name.
  private let names: Set<String>?
  private let prefixes: [String]
  /// The exact names, in the order given.
  let exactNames: [String]

  /// From the list of the configuration: names, and prefixes that end with `*`.
  init(_ models: [String]?) {
    let models = models ?? ["*"]
    exactNames = models.filter { !$0.hasSuffix("*") }
    prefixes = models.filter { $0.hasSuffix("*") }.map { String($0.dropLast()) }
    names = prefixes.contains("") ? nil : Set(exactNames)
  }

  func allows(_ name: String) -> Bool {
    guard let names else { return true }
    return names.contains(name) || prefixes.contains { name.hasPrefix($0) }
  }
}
