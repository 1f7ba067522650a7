internal import ChatProtocol
internal import HTTPWire

/// What kind of answer is being relayed: first by what its head says, in the end by what it is.
enum AnswerForm: Equatable {
  case none
  /// Events that are read one by one, and may be taken out, added to and ended.
  case chunkStream
  /// Events of an endpoint that is passed through: read for what they are and cost.
  case eventStream
  /// A JSON document, judged before any of it goes: it must have what such answers have.
  case document(AnswerKind)
  /// A body passed on as it comes; with `keeps`, a JSON document gathered for its usage.
  case opaque(keeps: Bool)
  /// An error of the upstream.
  case error
  /// A stream was asked for, and the head does not say that it is one: its first bytes will.
  case undecided

  /// What a head promises, or in words what comes in place of an answer.
  enum Promise {
    case form(AnswerForm)
    case noAnswer(String)
  }

  /// Whether events are read.
  var isStream: Bool { self == .chunkStream || self == .eventStream }

  /// Judges the head of a success.
  static func promised(
    by head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan, _ image: inout RequestImage
  ) -> Promise {
    let type = fields.firstValue(of: .contentType)
    let coding = fields.firstValue(of: .contentEncoding).flatMap { codingName(bytes.extracting($0)) }
    let isEventStream = type.map { begins(bytes.extracting($0), "text/event-stream") } ?? false
    guard image.namesModel else {
      if isEventStream && coding == nil { return .form(.eventStream) }
      let isJSON = type.map { begins(bytes.extracting($0), "application/json") } ?? false
      return .form(.opaque(keeps: isJSON && coding == nil))
    }
    if head.status >= 300 { return .noAnswer("a redirect (status \(head.status))") }
    if let coding { return .noAnswer("a body in the content coding '\(coding)', which was not asked for") }
    if head.framing == .none { return .noAnswer("nothing (status \(head.status))") }
    if isEventStream { return .form(image.surface.isChunkStream ? .chunkStream : .eventStream) }
    if image.wantsStream && image.surface.answersText { return .form(.undecided) }
    if let kind = image.surface.answerKind { return .form(.document(kind)) }
    if type.map({ begins(bytes.extracting($0), "application/json") }) ?? false { return .form(.document(.any)) }
    if type.map({ begins(bytes.extracting($0), "text/html") }) ?? false { return .noAnswer("a page of HTML") }
    return .form(.opaque(keeps: false))
  }

  /// A coding that changes the bytes; nil for none.
  private static func codingName(_ value: RawSpan) -> String? {
    if value.byteCount == 0 || begins(value, "identity") { return nil }
    return value.withUnsafeBytes { String(decoding: $0.prefix(32), as: UTF8.self) }
  }

  static func begins(_ value: RawSpan, _ text: StaticString) -> Bool {
    value.withUnsafeBytes { bytes in
      guard bytes.count >= text.utf8CodeUnitCount else { return false }
      for position in 0..<text.utf8CodeUnitCount where bytes[position] | 0x20 != text.utf8Start[position] | 0x20 {
        return false
      }
      return true
    }
  }
}

extension Surface {
  /// What the endpoint's whole answers must be to be one; nil where it is not known, sounds for instance.
  var answerKind: AnswerKind? {
    switch self {
    case .chatCompletions, .completions: .chunks
    case .messages: .message
    case .responses: .response
    case .embeddings: .embedding
    default: nil
    }
  }
}
