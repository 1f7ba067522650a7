/// What is to be done now: the answer of ``ExchangeMachine`` to an event. First what it says to let go is let go of, then its step is taken.
public struct ExchangeAction: Hashable, Sendable {
  /// What is to be done when that has been let go.
  public var step: Step
  /// What the request holds and no longer needs.
  public var letsGo: Possessions

  /// That step.
  @inlinable
  public init(_ step: Step, lettingGo letsGo: Possessions = []) {
    self.step = step
    self.letsGo = letsGo
  }

  /// Nothing is to be done.
  @inlinable
  public static var nothing: ExchangeAction { ExchangeAction(.nothing) }

  /// One thing to do.
  public enum Step: Hashable, Sendable {
    /// Wait for the next event.
    case nothing
    /// Ask the limits for the candidate in use. What an earlier one had begun to answer is as if it had never been.
    case admit
    /// Ask the candidate's pool for a session.
    case lease(Lease)
    /// Send the request over the session that was leased.
    case send
    /// Ask the limits for more while the upstream is held.
    case askForMore
    /// Pass on what has waited for the limits, and read the upstream again.
    case goOn
    /// Read the upstream again.
    case resume
    /// Do not read the upstream.
    case hold
    /// A comment into the stream: the client is not forgotten.
    case showLife
    /// The attempt has failed by time: tell so as a fault.
    case timedOut(Timeout)
    /// End the request.
    case close(Closing)
  }

  /// Which session is asked for.
  public enum Lease: Hashable, Sendable {
    case any
    /// A new connection.
    case fresh
    /// A new connection to another endpoint.
    case otherEndpoint
  }

  /// Which time is over.
  public enum Timeout: Hashable, Sendable {
    case answer, firstToken, betweenTokens, total
  }
}

/// How a request ends.
public enum Closing: Hashable, Sendable {
  /// An answer of the gateway's own.
  case document
  /// Refused before any upstream was asked, or because limits admit no candidate.
  case refused
  /// The answer is whole.
  case whole
  /// With the last fault, in words where there is still a way to say them.
  case fault
  /// A limit ends the answer inside.
  case truncated
  /// The client has left.
  case abandoned
  /// The process ends.
  case shutDown
}

/// What a request holds of others and must give back, each once.
public struct Possessions: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A place in a pool's queue.
  @inlinable public static var leaseWait: Possessions { Possessions(rawValue: 1) }
  /// A session.
  @inlinable public static var session: Possessions { Possessions(rawValue: 2) }
  /// A place in a limit's queue.
  @inlinable public static var limitWait: Possessions { Possessions(rawValue: 4) }
  /// The limits' permission.
  @inlinable public static var grant: Possessions { Possessions(rawValue: 8) }
}
