/// A master, a replica, and sentinels that watch them under the name `mymaster`.
public final class RedisSentinels: Sendable {
  /// The first master.
  public let master: RedisServer
  /// Its replica.
  public let replica: RedisServer
  /// The sentinels.
  public let sentinels: [RedisServer]
  /// By which name the sentinels know the master.
  public static let masterName = "mymaster"

  /// Starts them and waits until replica and sentinels know all they must for a failover.
  ///
  /// - Parameter downAfterMilliseconds: how long a master is silent until it counts as down.
  public init(sentinelCount: Int = 1, downAfterMilliseconds: Int = 300) throws(TestKitError) {
    let master = try RedisServer()
    let replica = try RedisServer(options: ["--replicaof", "127.0.0.1 \(master.port)"])
    let quorum = sentinelCount / 2 + 1
    // Before the sentinels look: they look again only ten seconds later.
    let isConnected = waitUntil(timeout: .seconds(20)) {
      (try? replica.order("ROLE").contains("connected")) == true
    }
    guard isConnected else { throw TestKitError("the replica does not reach its master") }
    let configuration = """
      sentinel monitor \(Self.masterName) 127.0.0.1 \(master.port) \(quorum)
      sentinel down-after-milliseconds \(Self.masterName) \(downAfterMilliseconds)
      sentinel failover-timeout \(Self.masterName) 2000
      """
    var sentinels: [RedisServer] = []
    for _ in 0..<sentinelCount {
      sentinels.append(try RedisServer(configuration: configuration, isSentinel: true))
    }
    self.master = master
    self.replica = replica
    self.sentinels = sentinels
    let isReady = waitUntil(timeout: .seconds(20)) {
      sentinels.allSatisfy {
        guard let state = try? $0.order("SENTINEL", "MASTER", Self.masterName),
          let replicas = try? $0.order("SENTINEL", "REPLICAS", Self.masterName)
        else { return false }
        return state.contains("num-other-sentinels\n\(sentinelCount - 1)\n")
          && replicas.contains("master-link-status\nok\n")
      }
    }
    guard isReady else { throw TestKitError("the sentinels do not find each other") }
  }
}
