internal import ChatProtocol

/// What all chunks of one answer have in common, kept so that the gateway can add one of its own that looks like them.
public struct AnswerIdentity: Sendable {
  /// `id` and `model` as they stand in the chunks, quotes included.
  public let id: [UInt8]
  public let model: [UInt8]
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
