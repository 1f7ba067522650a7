import Foundation
import ScriptedUpstream
import TestKit
import Testing

@Suite("The page on scripts")
struct ScriptDocumentationTests {
  /// The page, from this file's own place in the repository.
  private func page() throws -> String {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return try String(contentsOfFile: "/\(root)/docs/scripts.md", encoding: .utf8)
  }

  @Test("shows every word in a way that is understood")
  func words() throws {
    var shown: Set<String> = []
    for line in try page().split(separator: "\n") where line.hasPrefix("| `") && !line.hasPrefix("| `/") {
      let word = String(line.dropFirst(3).prefix { $0 != "`" })
      guard !Script.Provider.allCases.contains(where: { $0.rawValue == word }) else { continue }
      #expect(throws: Never.self, "\(word)") { try Script(parsing: word) }
      shown.insert(String(word.prefix { $0 != "=" }))
    }
    let error = #expect(throws: ScriptError.self) { try Script(parsing: "unheard=of") }
    let names = try #require(error?.expected.dropFirst("one of ".count)).split(separator: ", ").map { String($0) }
    #expect(names.count > 30)
    #expect(Set(names) == shown)
  }
}
