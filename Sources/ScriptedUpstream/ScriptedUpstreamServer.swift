public import Reactor
internal import Glibc
internal import Synchronization

/// An OpenAI-compatible upstream that answers as scripts say: for the demo, for tests and for benchmarks.
///
/// A request brings its script in its body (`"metadata":{"script":"events=10 gap=5ms"}` or `"user":"script: …"`), so a
/// test scripts each of its requests through any client and through the gateway. Without one the model's script of the
/// settings counts, then the default. `GET /_script/seen`, `POST /_script/reset` and `POST /_script/default` serve tests
/// in other processes.
public final class ScriptedUpstreamServer: Sendable {
  /// The port it listens on.
  public let port: UInt16
  /// Where it listens, as `host:port`.
  public let address: String

  private let shared: SharedState
  private let shards: [Shard]
  private let ownGroup: ReactorGroup?
  private let isStopped = Atomic<Bool>(false)

  /// Why a simulator could not start.
  public struct StartError: Error, CustomStringConvertible, Sendable {
    /// What failed.
    public let description: String
  }

  /// Starts it on one reactor of its own.
  public convenience init(_ settings: ScriptedUpstreamSettings = ScriptedUpstreamSettings()) throws(StartError) {
    let group: ReactorGroup
    do throws(SystemCallError) {
      group = try ReactorGroup(count: 1, firstIndex: 1000)
    } catch {
      throw StartError(description: "the simulator cannot start: \(error)")
    }
    do {
      try self.init(settings, reactors: group.reactors, ownGroup: group)
    } catch {
      group.shutDown()
      throw error
    }
  }

  /// Starts it on reactors that run already, all on one port. Not to be called on one of them.
  public convenience init(_ settings: ScriptedUpstreamSettings, on group: ReactorGroup) throws(StartError) {
    try self.init(settings, reactors: group.reactors, ownGroup: nil)
  }

  private init(
    _ settings: ScriptedUpstreamSettings, reactors: [Reactor], ownGroup: ReactorGroup?
  ) throws(StartError) {
    guard var address = SocketAddress(literal: settings.host, port: settings.port) else {
      throw StartError(description: "the simulator cannot listen on '\(settings.host)': not a literal address")
    }
    var listeners: [Int32] = []
    do {
      for _ in reactors {
        let descriptor = try Socket.listen(on: address)
        listeners.append(descriptor)
        // The kernel chose a port for the first; the others share it (SO_REUSEPORT).
        address = Socket.localAddress(descriptor) ?? address
      }
    } catch {
      for descriptor in listeners { Socket.close(descriptor) }
      throw StartError(description: "the simulator cannot start: \(error)")
    }
    port = address.port
    self.address = address.description
    self.ownGroup = ownGroup
    let shared = SharedState(settings)
    self.shared = shared
    shards = reactors.map { Shard($0, shared) }
    let listening = address
    for (shard, descriptor) in zip(shards, listeners) {
      shard.reactor.execute { shard.start(descriptor, listening) }
    }
  }

  deinit { stop() }

  /// Closes the port and all connections; returns when that is done. Not to be called on one of its reactors.
  public func stop() {
    guard !isStopped.exchange(true, ordering: .relaxed) else { return }
    let done = shards.map { _ in StopSignal() }
    for (shard, signal) in zip(shards, done) {
      shard.reactor.execute {
        shard.stop()
        signal.send()
      }
    }
    for signal in done { signal.wait() }
    ownGroup?.shutDown()
  }

  /// What it has seen so far.
  public var seen: SeenSnapshot { shared.seen.snapshot }

  /// Forgets what it has seen, the faults that were met, and a changed default script.
  public func reset() { shared.reset() }

  /// The script of requests that bring none and whose model has none.
  public var defaultScript: Script {
    get { shared.defaultScript }
    set { shared.defaultScript = newValue }
  }
}

/// Wakes one waiting thread. `@unchecked Sendable`: a POSIX semaphore is made for being shared.
private final class StopSignal: @unchecked Sendable {
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(semaphore, 0, 0) }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func send() { sem_post(semaphore) }

  func wait() { while sem_wait(semaphore) != 0 {} }
}
