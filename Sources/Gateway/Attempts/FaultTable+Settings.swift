internal import GatewayConfiguration
internal import Lifecycle

extension FaultTable {
  /// The usual table with a model's own rows.
  init(_ policies: FaultPolicies) {
    self = .usual
    for (name, policy) in policies.changes { set(FaultClass(name), fallsBack: policy == .next) }
  }
}

extension FaultClass {
  /// The class of that name.
  init(_ name: FaultName) {
    self =
      switch name {
      case .caller: .caller
      case .contextLength: .contextLength
      case .contentFilter: .contentFilter
      case .key: .key
      case .account: .account
      case .place: .place
      case .notNow: .notNow
      case .rateLimited: .rateLimited
      case .overloaded: .overloaded
      case .upstream: .upstream
      case .noSession: .noSession
      case .stale: .stale
      case .network: .network
      case .timeout: .timeout
      case .malformed: .malformed
      case .incomplete: .incomplete
      }
  }
}
