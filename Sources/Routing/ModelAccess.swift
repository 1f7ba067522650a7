/// Which model names a consumer may use. Names are compared byte by byte, as upstreams do: to a Swift string, `é` in one scalar and in two are the same.
struct ModelAccess: Sendable {
  /// Nil means every name.
  private let names: Set<[UInt8]>?
  private let prefixes: [[UInt8]]
  /// The exact names, in the order given.
  let exactNames: [String]

  /// From the list of the configuration: names, and prefixes that end with `*`.
  init(_ models: [String]?) {
    let models = models ?? ["*"]
    exactNames = models.filter { !$0.hasSuffix("*") }
    prefixes = models.filter { $0.hasSuffix("*") }.map { Array($0.utf8.dropLast()) }
    names = prefixes.contains([]) ? nil : Set(exactNames.map { Array($0.utf8) })
  }

  /// Whether some names are not allowed.
  var isRestricted: Bool { names != nil }

  func allows(_ name: String) -> Bool {
    guard let names else { return true }
    let bytes = Array(name.utf8)
    if names.contains(bytes) { return true }
    // To LiteLLM a comma begins another model.
    return !bytes.contains(UInt8(ascii: ",")) && prefixes.contains { bytes.starts(with: $0) }
  }
}
