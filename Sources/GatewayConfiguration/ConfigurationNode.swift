/// A place in the file; both count from 1, columns in Unicode scalars.
struct SourcePosition: Equatable {
  var line: Int
  var column: Int

  static let start = SourcePosition(line: 1, column: 1)
}

/// A YAML value reduced to what a configuration needs: text, lists and mappings with places. YAML's own guesses about types
/// (`on` is a boolean, `1:30` a number) are not made; what a text means is the matter of the key it stands under.
struct ConfigurationNode {
  struct Entry {
    var key: String
    var position: SourcePosition
    var value: ConfigurationNode
  }

  indirect enum Content {
    /// Nothing, `~` or `null`, unquoted.
    case null
    case text(String)
    case list([ConfigurationNode])
    case mapping([Entry])
  }

  var content: Content
  var position: SourcePosition

  /// The kind in words, for messages.
  var kindInWords: String {
    switch content {
    case .null: "nothing"
    case .text: "a single value"
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }
}
