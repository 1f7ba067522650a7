/// Three masters of a Redis Cluster, each with a third of the slots.
public final class RedisCluster: Sendable {
  /// The nodes, in the order of their slots.
  public let nodes: [RedisServer]
  /// Their ids.
  public let ids: [String]

  /// How many slots a cluster has.
  public static let slotCount = 16_384

  /// Starts and joins them, and waits until all serve.
  public init(options: [String] = []) throws(TestKitError) {
    var nodes: [RedisServer] = []
    var busPorts: [UInt16] = []
    for _ in 0..<3 {
      let busPort = try freePort()
      nodes.append(
        try RedisServer(
          options: [
            "--cluster-enabled", "yes", "--cluster-port", "\(busPort)", "--cluster-node-timeout", "2000",
          ] + options))
      busPorts.append(busPort)
    }
    var ids: [String] = []
    for (index, node) in nodes.enumerated() {
      let control = try node.control()
      ids.append(try control.order("CLUSTER", "MYID"))
      try control.order("CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)")
      let slots = Self.slots(of: index)
      try control.order("CLUSTER", "ADDSLOTSRANGE", "\(slots.lowerBound)", "\(slots.upperBound)")
      if index > 0 { try control.order("CLUSTER", "MEET", "127.0.0.1", "\(nodes[0].port)", "\(busPorts[0])") }
    }
    self.nodes = nodes
    self.ids = ids
    let isJoined = waitUntil(timeout: .seconds(15)) {
      nodes.allSatisfy { node in
        guard let info = try? node.order("CLUSTER", "INFO") else { return false }
        return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
      }
    }
    guard isJoined else { throw TestKitError("the cluster does not join") }
  }

  /// The slots that node `index` has at the beginning.
  public static func slots(of index: Int) -> ClosedRange<Int> {
    let third = slotCount / 3
    return index * third...(index == 2 ? slotCount - 1 : (index + 1) * third - 1)
  }

  /// Begins to move a slot: from now on the first node answers `ASK` for keys that it does not have.
  public func beginMoving(slot: Int, from source: Int, to destination: Int) throws(TestKitError) {
    try nodes[destination].order("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", ids[source])
    try nodes[source].order("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", ids[destination])
  }

  /// Moves a key of a slot that is being moved.
  public func move(key: String, from source: Int, to destination: Int) throws(TestKitError) {
    try nodes[source].order("MIGRATE", "127.0.0.1", "\(nodes[destination].port)", key, "0", "5000")
  }

  /// Ends the move: from now on the first node answers `MOVED`.
  public func endMoving(slot: Int, to destination: Int) throws(TestKitError) {
    try nodes[destination].order("CLUSTER", "SETSLOT", "\(slot)", "NODE", ids[destination])
    for node in nodes { try node.order("CLUSTER", "SETSLOT", "\(slot)", "NODE", ids[destination]) }
  }
}
