internal import ChatProtocol

/// What all chunks of one answer have in common, kept so that the gateway can add one of its own that looks like them.
public struct AnswerIdentity: Sendable {
  /// The answer's id as it stands in the chunks, quotes included.
  public let id: [UInt8]
  /// The model as the upstream names it, quotes included.
  public let model: [UInt8]
  /// When the answer was begun, in seconds since 1970.
  public let created: Int

  init(_ fields: ChunkFields, in data: RawSpan) {
    func copy(_ text: JSONStringRange?) -> [UInt8] {
      guard let text else { return Array("\"\"".utf8) }
      return data.extracting(text.range).withUnsafeBytes { Array($0) }
    }
    id = copy(fields.id)
    model = copy(fields.model)
    created = fields.created ?? 0
  }
}
