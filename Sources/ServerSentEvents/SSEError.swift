/// What makes an event stream unreadable. Everything else is legal: the format ignores what it does not know.
public enum SSEError: Error, Equatable, Sendable {
  /// An event, finished or not, is longer than the parser's bound; the stream cannot be followed any further.
  case eventTooLarge(eventBytesMax: Int)
}
