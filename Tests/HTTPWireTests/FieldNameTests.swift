import HTTPWire
import Testing

@Suite("Field names") struct FieldNameTests {
  private func classified(_ name: String) -> FieldName? {
    let text = "HTTP/1.1 200 OK\r\n\(name):\r\n\r\n"
    var parser = ResponseHeadParser()
    // A value is needed for the names that decide framing; a parse that refuses them has still classified them.
    _ = responseVerdict(bytes(text), to: .get, parser: &parser)
    return parser.fields.first?.id
  }

  @Test("Every name is recognised in any case, and no neighbour of it", arguments: FieldName.allCases)
  func recognised(_ id: FieldName) {
    guard id != .other else { return }
    let name = "\(id.spelling)"
    #expect(classified(name) == id)
    #expect(classified(name.uppercased()) == id)
    #expect(
      classified(String(name.enumerated().map { $0.offset % 2 == 0 ? Character($0.element.uppercased()) : $0.element }))
        == id)
    for at in name.indices {
      let changed = name.replacingCharacters(at, with: name[at] == "q" ? "j" : "q")
      #expect(classified(changed) == .other, "\(changed)")
    }
    #expect(classified(name + "x") != id && classified(String(name.dropFirst()) + "_") != id)
  }

  @Test("Fields of the connection are told from fields of the message")
  func hopByHop() {
    #expect(FieldName.allCases.filter(\.isHopByHop).count == 9)
    #expect(FieldName.transferEncoding.isHopByHop && FieldName.connection.isHopByHop)
    #expect(!FieldName.contentLength.isHopByHop && !FieldName.authorization.isHopByHop && !FieldName.other.isHopByHop)
  }

  @Test("Underscores and carets are not taken for hyphens and tildes")
  func folding() {
    #expect(classified("content_length") == .other)
    #expect(classified("x_api_key") == .other)
  }
}

extension String {
  fileprivate func replacingCharacters(_ at: Index, with character: Character) -> String {
    var copy = self
    copy.replaceSubrange(at...at, with: [character])
    return copy
  }
}
