internal import ChatProtocol
internal import TokenAccounting

/// A document that is too long to be kept: read, and its texts counted, as it passes.
final class LongDocument {
  private var document = PassingDocument()
  private var counter: AnswerCounter?

  init(_ counter: AnswerCounter?) { self.counter = counter }

  /// Takes a piece.
  func take(_ piece: UnsafeRawBufferPointer) {
    document.take(piece.bytes) { text, bytes in counter?.take(text, in: bytes) }
  }

  /// Whether the document has come to its end.
  var isWhole: Bool { document.isComplete }
  /// The usage that it tells.
  var usage: TokenUsage? { document.usage?.withTotalAsPrompt }
  /// Elements of its `data`.
  var dataCount: Int { document.dataCount }
  /// What was counted of its texts.
  var tally: AnswerTally? { counter?.tally(finishedChoices: isWhole ? document.finishedCount : 0) }
}
