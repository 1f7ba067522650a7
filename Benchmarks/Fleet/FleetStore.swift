import Glibc
import Reactor
import TestKit

/// The Redis of a run, built so that its fault can be done to it.
///
/// `@unchecked Sendable`: the run's thread makes it, then the timeline's thread alone uses it until that ends.
final class FleetStore: @unchecked Sendable {
  /// For the gateways' configuration.
  let url: String
  private let servers: [RedisServer]
  private let proxy: SlowProxy?
  private let cluster: RedisCluster?
  private let sentinels: RedisSentinels?

  /// The one server, where there is one.
  var port: UInt16 { servers[0].port }

  init(for fault: FleetFault?) throws {
    var proxy: SlowProxy?
    var cluster: RedisCluster?
    var sentinels: RedisSentinels?
    var url: String?
    switch fault {
    case .cluster:
      let started = try RedisCluster()
      cluster = started
      servers = started.nodes
      url = "redis+cluster://" + started.nodes.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
    case .sentinel:
      let started = try RedisSentinels()
      sentinels = started
      servers = [started.master, started.replica]
      url = "redis+sentinel://127.0.0.1:\(started.sentinels[0].port)/\(RedisSentinels.masterName)"
    case .failover:
      let master = try RedisServer()
      servers = [master, try RedisServer(options: ["--replicaof", "127.0.0.1 \(master.port)"])]
      let replica = servers[1]
      guard waitUntil(timeout: .seconds(20), { (try? replica.order("ROLE").contains("connected")) == true }) else {
        throw BenchmarkError("the replica does not reach its master")
      }
      proxy = try SlowProxy(to: master.port)
    case .slow:
      servers = [try RedisServer()]
      proxy = try SlowProxy(to: servers[0].port)
    default:
      servers = [try RedisServer(keepsData: fault == .kill || fault == .empty || fault == .turn)]
    }
    self.url = url ?? "redis://127.0.0.1:\(proxy?.port ?? servers[0].port)"
    self.proxy = proxy
    self.cluster = cluster
    self.sentinels = sentinels
  }

  /// Calls of scripts so far: all are for the one limit's keys. A server that was restarted begins anew.
  func calls() -> Int {
    servers.reduce(0) { $0 + ((try? StoreCalls.count(port: $1.port)) ?? 0) }
  }

  /// Does the fault; returns when it is over.
  ///
  /// - Parameter seconds: the measured time of the run.
  func inflict(_ fault: FleetFault, seconds: Int) throws {
    let server = servers[0]
    switch fault {
    case .stop: pause(server, seconds: 5)
    case .kill:
      server.kill9()
      sleep(2)
      try server.restart()
    case .empty:
      server.kill9()
      try server.restart(emptied: true)
    case .flush: try server.flushAll()
    case .failover:
      try servers[1].order("REPLICAOF", "NO", "ONE")
      sleep(3)
      proxy?.target.withLock { $0 = servers[1].port }
      server.kill9()
    case .sentinel: sentinels?.master.kill9()
    case .slow:
      proxy?.delay.withLock { $0 = .milliseconds(500) }
      sleep(UInt32(max(1, seconds / 3)))
      proxy?.delay.withLock { $0 = .zero }
    case .cluster: try migrate()
    case .turn:
      let pauseSeconds = UInt32(max(2, seconds / 8))
      try server.flushAll()
      sleep(pauseSeconds)
      pause(server, seconds: 2)
      sleep(pauseSeconds)
      server.kill9()
      try server.restart()
      sleep(pauseSeconds)
      server.kill9()
      try server.restart(emptied: true)
    }
  }

  private func pause(_ server: RedisServer, seconds: UInt32) {
    server.pause()
    sleep(seconds)
    server.resume()
  }

  /// Moves the limit's slot to the next node, key by key and not in a hurry.
  private func migrate() throws {
    guard let cluster else { return }
    for (index, node) in cluster.nodes.enumerated() {
      let keys = try node.order("KEYS", "sl:*:b").split(separator: "\n").map(String.init)
      guard let key = keys.first(where: { !$0.contains("probe") }) else { continue }
      guard let slot = Int(try node.order("CLUSTER", "KEYSLOT", key)) else { continue }
      let next = (index + 1) % cluster.nodes.count
      try cluster.beginMoving(slot: slot, from: index, to: next)
      usleep(500_000)
      for key in try node.order("CLUSTER", "GETKEYSINSLOT", "\(slot)", "100").split(separator: "\n") {
        try cluster.move(key: String(key), from: index, to: next)
        usleep(200_000)
      }
      return try cluster.endMoving(slot: slot, to: next)
    }
    throw BenchmarkError("no node of the cluster has the limit's key")
  }
}
