/// What happens to the fleet's Redis while streams run.
enum FleetFault: String, CaseIterable, Codable {
  case stop, kill, empty, flush, failover, sentinel, slow, cluster, turn

  /// For the table.
  var words: String {
    switch self {
    case .stop: "SIGSTOP for 5 s"
    case .kill: "kill -9, restart with data"
    case .empty: "kill -9, restart empty"
    case .flush: "FLUSHALL"
    case .failover: "a replica 3 s behind takes over"
    case .sentinel: "kill -9 of the master, sentinel failover"
    case .slow: "500 ms latency, a third of the time"
    case .cluster: "cluster of 3, slot migrated"
    case .turn: "FLUSHALL, SIGSTOP 2 s, kill, empty in turn"
    }
  }

  /// One of the names, a list of them, `all`, or `none`.
  static func parse(_ text: String) -> [FleetFault]? {
    switch text {
    case "none": return []
    // The last is the others in short, for tests.
    case "all": return allCases.filter { $0 != .turn }
    default:
      let names = text.split(separator: ",").map { FleetFault(rawValue: String($0)) }
      return names.contains(nil) ? nil : names.compactMap(\.self)
    }
  }
}
