/// What a limit does while the store does not answer.
public enum StoreAbsence: String, Sendable, Hashable, CaseIterable {
  /// Each node refills a bucket of its own at the rate divided by the nodes it last knew of. What is spent so is a debt, paid on return.
  case local
  /// Everything passes; it is counted, and paid on return.
  case open
  /// Nothing passes beyond the credit that is held already.
  case closed
}

/// Whether the store answers, as the breaker in front of it sees it.
public enum StoreCondition: String, Sendable, Hashable {
  /// It answers, or has not yet been missed.
  case present
  /// It has failed repeatedly; only probes are sent.
  case away
}
