internal import Reactor
internal import Synchronization

/// What the simulator's reactors share. Only faults that are counted and changes of the default script take its lock.
final class SharedState: Sendable {
  /// How many scripts have their faults counted; then the counts begin anew.
  private static let countedScriptsMax = 65_536

  let settings: ScriptedUpstreamSettings
  let seen: SeenLog
  /// Changes whenever the default script does, so that answers made for another are not used.
  let epoch = Atomic<Int>(0)
  private let connectionsAccepted = Atomic<Int>(0)
  private let state: Locked<(script: Script, faultsMet: [String: Int])>

  init(_ settings: ScriptedUpstreamSettings) {
    self.settings = settings
    seen = SeenLog(keptMax: settings.requestsKeptMax)
    state = Locked((settings.defaultScript, [:]))
  }

  var defaultScript: Script {
    get { state.withLock { $0.script } }
    set {
      state.withLock { $0.script = newValue }
      epoch.add(1, ordering: .releasing)
    }
  }

  /// A number for a new connection, from 1, never given twice.
  func nextConnectionNumber() -> Int { connectionsAccepted.add(1, ordering: .relaxed).newValue }

  /// Whether this request is among the first `max` with the script called `name`; counts it.
  func meetsFault(_ name: String, first max: Int) -> Bool {
    state.withLock { state in
      if state.faultsMet.count >= Self.countedScriptsMax { state.faultsMet.removeAll() }
      let met = state.faultsMet[name, default: 0]
      guard met < max else { return false }
      state.faultsMet[name] = met + 1
      return true
    }
  }

  func reset() {
    seen.reset()
    state.withLock { $0 = (settings.defaultScript, [:]) }
    epoch.add(1, ordering: .releasing)
  }
}
