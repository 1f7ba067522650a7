/// A consumer as far as it has been read.
struct ConsumerDraft: Sendable {
  var keys: [KeyDigest] = []
  var models: [String]?

  static let section = ConfigurationSection<ConsumerDraft>(
    fields: [
      .value(
        "keys", \.keys, .list(of: .keyDigest), default: Self(), required: true,
        "Keys it may present: `sha256:` with 64 hexadecimal digits, or a variable that holds a key."),
      .value(
        "models", \.models, .optional(.list(of: .text(.modelName))), default: Self(),
        "Models it may use, by name or prefix such as `gpt-*`; left out, all."),
    ], elsewhere: ["limits": "Limits stand under `limits` at the top: match: { consumer: NAME }"])

  /// The consumer; nil when it has no key or a name that is taken, which is then reported.
  func settings(name: String, _ path: String, _ reading: inout ConfigurationReading) -> ConsumerSettings? {
    guard name != ConsumerSettings.anonymousName else {
      reading.report(at: path, "the name is that of requests without a key", "Choose another; see `anonymous`")
      return nil
    }
    guard !keys.isEmpty else {
      reading.report(at: path, "no keys", "Give `keys: [\"sha256:…\"]`; `sluice keys hash` makes one")
      return nil
    }
    return ConsumerSettings(name: name, keys: keys, models: models)
  }
}

extension ConfigurationValueType where Value == KeyDigest {
  /// Bytes of a client key that a variable may hold: fewer can be guessed.
  static var keyBytesMin: Int { 16 }

  /// A key's hash. A key in clear stands in no file; from a variable it is taken and hashed.
  static var keyDigest: Self {
    ConfigurationValueType(kind: .secret) { node, path, reading in
      guard let text = reading.text(node, path, expected: "`sha256:` with 64 hexadecimal digits") else { return nil }
      if text.text.hasPrefix("sha256:") {
        guard let digest = KeyDigest(hexadecimal: String(text.text.dropFirst(7))) else {
          reading.report(
            node.position, path, "not `sha256:` with 64 hexadecimal digits",
            "`sluice keys hash` prints the line to paste")
          return nil
        }
        return digest
      }
      guard text.usesVariable else {
        reading.report(
          node.position, path, "a key in clear",
          "Run `sluice keys hash` and paste what it prints, or put the key in a variable: \"${NAME}\"")
        return nil
      }
      guard text.text.utf8.count >= keyBytesMin, text.text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        reading.report(
          node.position, path, "the variable's value is no key",
          "A key has at least \(keyBytesMin) visible ASCII characters and no spaces")
        return nil
      }
      guard let digest = KeyDigest(bytes: reading.hashKey(text.text)) else {
        reading.report(node.position, path, "the key could not be hashed", "Give its hash: `sluice keys hash`")
        return nil
      }
      return digest
    } show: { _ in
      nil
    }
  }
}
