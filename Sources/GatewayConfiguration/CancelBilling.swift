/// What an upstream bills of a stream whose connection is closed before its end, as far as its makers, or lists of others, say.
///
/// An answer in one piece is taken to be generated and billed whole, whoever serves it.
public enum CancelBilling: Sendable, Equatable {
  /// It stops, and bills what was generated until then.
  case stops
  /// It generates the rest and bills all of it.
  case billsWhole
  /// Nobody says.
  case unknown
}
