/// What may be tried after a fault, a row for each class. One table for all; a model's configuration may change rows of its own copy.
///
/// One word, three bits a row, for it is asked at each read until an answer's first content has gone.
public struct FaultTable: Equatable, Sendable {
  /// What may be tried, in this order; with nothing left the client is told.
  public struct Reaction: OptionSet, Hashable, Sendable {
    /// A bit for each step.
    public let rawValue: UInt8
    /// From its bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The same endpoint once more, over a new connection.
    public static let sameEndpoint = Reaction(rawValue: 1)
    /// Another endpoint of the same candidate.
    public static let otherEndpoint = Reaction(rawValue: 2)
    /// The next candidate.
    public static let nextCandidate = Reaction(rawValue: 4)
    /// Whatever there is.
    public static let any: Reaction = [.sameEndpoint, .otherEndpoint, .nextCandidate]
  }

  private var rows: UInt64 = 0

  /// The usual rows.
  public init() {
    for fault in FaultClass.allCases { self[fault] = Self.usual(fault) }
  }

  /// The usual table.
  public static let usual = FaultTable()

  /// What may be tried after a fault of that class.
  public subscript(fault: FaultClass) -> Reaction {
    get { Reaction(rawValue: UInt8(truncatingIfNeeded: rows >> Self.place(fault)) & Reaction.any.rawValue) }
    set {
      rows &= ~(UInt64(Reaction.any.rawValue) << Self.place(fault))
      rows |= UInt64(newValue.rawValue & Reaction.any.rawValue) << Self.place(fault)
    }
  }

  /// Also another candidate, if there is one, or nobody else at all: the client is told.
  public mutating func set(_ fault: FaultClass, fallsBack: Bool) {
    self[fault] = fallsBack ? Self.usual(fault).union(.nextCandidate) : []
  }

  /// The lowest bit of a row; 21 classes have room.
  private static func place(_ fault: FaultClass) -> UInt64 { UInt64(fault.rawValue) &* 3 }

  private static func usual(_ fault: FaultClass) -> Reaction {
    switch fault {
    case .caller, .contextLength, .contentFilter: []
    // The pool has already tried the other endpoints when it has no session; a slow upstream has used up the time for a second try of its own.
    case .noSession, .timeout: .nextCandidate
    case .stale: [.sameEndpoint, .otherEndpoint, .nextCandidate]
    case .key, .account, .place, .notNow, .rateLimited, .overloaded, .upstream, .network, .malformed, .incomplete:
      [.otherEndpoint, .nextCandidate]
    }
  }
}
