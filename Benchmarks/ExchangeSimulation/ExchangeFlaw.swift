import Lifecycle

/// A build of the request's life that is broken in one way, to show that the simulator sees it.
public enum ExchangeFlaw: String, CaseIterable, Sendable {
  /// A client that leaves behind the end is ended for once more.
  case endsTwice
  /// The grant of a candidate that failed is forgotten.
  case losesGrant
  /// What waited behind a limit is passed on first and counted then.
  case forwardsUncounted
  /// A dead connection can be replaced as often as it happens.
  case retriesForever
  /// A session that comes behind the end is used.
  case decidesAfterEnd
  /// A request under way goes by a configuration that came meanwhile.
  case readsNewConfiguration
}

/// The machine, or one around it that is broken.
struct SimulatedMachine {
  private(set) var machine: ExchangeMachine
  private let flaw: ExchangeFlaw?
  /// How the machine was before something that a broken build forgets.
  private var before: ExchangeMachine?

  init(startedAt: Moment, flaw: ExchangeFlaw?) {
    machine = ExchangeMachine(startedAt: startedAt)
    self.flaw = flaw
  }

  mutating func handle(_ event: ExchangeEvent, at now: Moment) -> ExchangeAction {
    guard let flaw else { return machine.handle(event, at: now) }
    return handle(event, at: now, flaw)
  }

  private mutating func handle(_ event: ExchangeEvent, at now: Moment, _ flaw: ExchangeFlaw) -> ExchangeAction {
    switch (flaw, event) {
    case (.endsTwice, .clientLeft) where machine.stage == .ended: return ExchangeAction(.close(.abandoned))
    case (.losesGrant, .failed):
      var action = machine.handle(event, at: now)
      if action.step == .admit { action.letsGo.remove(.grant) }
      return action
    case (.retriesForever, .failed):
      var forgetful = before ?? machine
      guard forgetful.holds == machine.holds else {
        return machine.handle(event, at: now)
      }
      let action = forgetful.handle(event, at: now)
      guard action.step == .lease(.fresh) else { return machine.handle(event, at: now) }
      before = before ?? machine
      machine = forgetful
      return action
    case (.retriesForever, .admitted):
      before = nil
      return machine.handle(event, at: now)
    case (.decidesAfterEnd, .leased) where machine.stage == .ended:
      return before?.handle(event, at: now) ?? machine.handle(event, at: now)
    case (.decidesAfterEnd, _) where machine.stage != .ended:
      before = machine
      return machine.handle(event, at: now)
    default: return machine.handle(event, at: now)
    }
  }
}
