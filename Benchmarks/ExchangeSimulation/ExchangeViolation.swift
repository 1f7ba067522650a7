/// A promise of a request's life that was broken in simulation.
public enum ExchangeViolation: String, CaseIterable, Sendable {
  /// It was ended a second time.
  case endedTwice
  /// The world has nothing left to happen, and it has not ended.
  case neverEnded
  /// It ended later than its total time allows.
  case endedLate
  /// Something was asked, leased, sent or shown behind its end.
  case actedAfterEnd
  /// The client had left, and it ended in another way.
  case closedOtherwise
  /// What the machine notes and what the shell holds are not the same.
  case holdsDiffer
  /// A grant was neither settled nor abandoned.
  case grantLost
  case grantSettledTwice
  /// A session was neither given back nor discarded.
  case sessionLost
  case sessionReturnedTwice
  /// A wait was neither answered nor cancelled.
  case waitLost
  case waitEndedTwice
  /// More than ``ExchangeMachine/attemptsPerCandidate`` attempts for each candidate.
  case tooManyAttempts
  /// Another attempt, or another candidate's limits, behind something that the client has.
  case repeatedAfterDelivery
  /// Another attempt was promised for a fault, and not made.
  case promiseBroken
  /// What may not be repeated was sent twice.
  case sentTwice
  /// A step that cannot be taken there: a second session while one is held, sending without one.
  case impossibleStep
  /// No time is told although the world is silent.
  case deadlineMissed
  /// An upstream was silent for longer than it may, and nothing happened.
  case silenceUnnoticed
  /// The upstream is read while the client is slow or a limit is waited for.
  case readWhileHeld
  /// An upstream was found late while it was not read.
  case blamedWhileHeld
  /// The upstream is held, or a limit waited for, and there is no need.
  case heldForNothing
  /// A unit went to the client that had not been counted.
  case releasedUncounted
  /// A unit of another attempt than the one the client has content of.
  case answersMixed
  /// A unit went to the client twice, or one was left out.
  case unitRepeated
  /// A comment into an answer that is no stream, or to a client that is slow.
  case lifeSignMisplaced
  /// A request under way went by a configuration that came meanwhile.
  case changedByReload
}
