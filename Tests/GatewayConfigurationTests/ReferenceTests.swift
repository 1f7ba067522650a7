import Foundation
import GatewayConfiguration
import Testing

@Suite("The reference page and the schema")
struct ReferenceTests {
  /// `docs` of the repository these tests were built from.
  private static let docs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "docs")

  private func expectCommitted(_ name: String, _ printed: String) throws {
    let file = Self.docs.appending(path: name)
    if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] == "1" {
      try Data(printed.utf8).write(to: file)
    }
    let committed = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    #expect(
      committed == printed, "run `SLUICE_WRITE_DOCS=1 swift test --filter ReferenceTests` and commit docs/\(name)")
  }

  @Test("docs/configuration.md is what the rows print")
  func page() throws { try expectCommitted("configuration.md", ConfigurationReference.markdown) }

  @Test("docs/configuration.schema.json is what the rows print, and is JSON")
  func schema() throws {
    try expectCommitted("configuration.schema.json", ConfigurationSchema.json)
    let object = try JSONSerialization.jsonObject(with: Data(ConfigurationSchema.json.utf8)) as? [String: Any]
    let properties = try #require(object?["properties"] as? [String: Any])
    #expect(
      Set(properties.keys)
        == Set(GatewaySettings.configurationKeys.map(\.path).filter { !$0.contains(".") && !$0.contains("[") }))
  }

  @Test("every key has a sentence, no two rows share a path, and every printed default is a value the parser takes")
  func rows() throws {
    let keys = GatewaySettings.configurationKeys
    #expect(Set(keys.map(\.path)).count == keys.count)
    for key in keys {
      #expect(key.sentence.hasSuffix("."), "\(key.path)")
      #expect(!key.isSecret || key.defaultText == nil, "\(key.path)")
    }
    var text = "anonymous: true\nupstreams: { a: { provider: ollama } }\nserver:\n"
    for key in keys where key.path.hasPrefix("server.") && !key.path.dropFirst(7).contains(".") {
      if let value = key.defaultText { text += "  \(key.path.dropFirst(7)): \(value)\n" }
    }
    #expect(try parse(text).server == ServerSettings())
  }
}
