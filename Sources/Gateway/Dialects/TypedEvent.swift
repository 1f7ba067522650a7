/// An event that has its type twice, as name and as member: those of Anthropic's and of OpenAI's later endpoint.
enum TypedEvent {
  static func text(_ type: String, _ members: String?) -> [UInt8] {
    Array("event: \(type)\ndata: {\"type\":\"\(type)\"\(members.map { ",\($0)" } ?? "")}\n\n".utf8)
  }
}
