/// What a head parser says about the bytes so far.
public enum HeadResult: Sendable, Equatable {
  /// More bytes are needed. Hand the number in again as `searchedBytes`, so that a head that arrives in many pieces
  /// is not parsed again before a further line is complete.
  case incomplete(searchedBytes: Int)
  /// The head is complete; the body, or the next message, begins at this offset.
  case head(endOffset: Int)
}
