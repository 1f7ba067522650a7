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
      guard (try? replica.order("ROLE").contains("connected")) == true else { return false }
      return sentinels.allSatisfy {
        guard let state = try? $0.order("SENTINEL", "MASTER", Self.masterName) else { return false }
        return state.contains("num-slaves\n1\n") && state.contains("num-other-sentinels\n\(sentinelCount - 1)\n")
      }
    }
    guard isReady else { throw TestKitError("the sentinels do not find each other") }
  }
}
