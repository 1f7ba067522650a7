public import HTTPWire
public import Reactor

/// How long and how much of a client is borne. Times are per step, sizes in bytes.
public struct DownstreamLimits: Sendable {
  /// From the first byte of a request to the end of its head.
  public var headTimeout = Duration.seconds(15)
  /// Between two pieces of a body.
  public var bodyTimeout = Duration.seconds(15)
  /// The least rate of a body, in bytes per second, after a grace of up to `bodyGraceMax`; 0 for none.
  public var minBodyRate = 1024
  /// For how long a body may come more slowly at its beginning.
  public static let bodyGraceMax = Duration.seconds(10)
  /// How long a body waits for memory before it, or a younger one, is refused.
  public var bodyMemoryWait = Duration.seconds(5)
  /// Between two requests on a connection, and before its first.
  public var idleTimeout = Duration.seconds(75)
  /// Without progress while bytes wait to be sent.
  public var writeTimeout = Duration.seconds(60)
  /// Bytes of further requests kept while one is being answered; beyond it the client is not read.
  public var pipelinedBytesMax = 65_536
  /// For how long a connection keeps its place at least when places are short.
  public var placeAgeMin = Duration.milliseconds(500)

  /// The defaults.
  public init() {}
}

/// Who answers requests: one per reactor. All calls come on the reactor's thread.
public protocol RequestReceiver: AnyObject {
  /// A request's head is complete. The bytes and fields are valid during the call only.
  ///
  /// - Returns: how many bytes of body to accept; nil when the request has been answered from inside the call.
  func requestHead(
    _ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, on connection: DownstreamConnection
  ) -> Int?

  /// The request is complete; `body` (framing removed) is valid during the call only.
  func requestComplete(_ body: UnsafeRawBufferPointer, on connection: DownstreamConnection)

  /// The request cannot be read: malformed, too large, too slow. The receiver answers with `status`; the connection closes after that.
  func requestRejected(_ rejection: RequestRejection, on connection: DownstreamConnection)
}

/// Why a request could not be read.
public struct RequestRejection: Sendable {
  /// The HTTP status that says so.
  public let status: Int
  /// One sentence for the client.
  public let message: String

  /// Makes a rejection.
  public init(status: Int, message: String) {
    self.status = status
    self.message = message
  }
}

/// Who is told what happens to a client while it is being answered.
public protocol DownstreamObserver: AnyObject {
  /// All bytes that waited have been sent: more may be written.
  func downstreamDrained()
  /// The client has left, or reads nothing. The connection is closed; nothing can be sent any more.
  func downstreamGone(_ reason: DownstreamGone)
  /// The time that was given to `setAnswerDeadline` has come.
  func answerDeadlineReached()
  /// The gateway ends: say so to the client and finish now.
  func downstreamMustEnd()
}

/// Why a client is gone.
public enum DownstreamGone: Sendable {
  /// It closed or reset the connection (a half-close counts as leaving).
  case left
  /// It did not read for the write time-out.
  case stalled
  /// The gateway is shutting down and the drain deadline has passed.
  case shutDown
}

/// What the client connections of one reactor share. Confined to its thread.
public final class DownstreamContext: @unchecked Sendable {
  /// The connections' reactor.
  public let reactor: Reactor
  /// The bounds; a change applies to what begins after it.
  public var limits: DownstreamLimits
  /// Parses one head at a time.
  var parser: RequestHeadParser
  private let budget: ConnectionBudget
  /// The bound of all bodies that the process holds.
  public let memory: BodyMemory
  unowned let receiver: any RequestReceiver
  private var connections = SlotTable<DownstreamConnection>()
  var evictions = ConnectionEviction()
  /// Clients whose connections are not counted by their address, as that of a proxy in front.
  public var isExemptFromClientLimit: (SocketAddress) -> Bool = { _ in false }

  /// Makes the shared part for `reactor`.
  public init(
    reactor: Reactor, limits: DownstreamLimits, headLimits: HTTPLimits, budget: ConnectionBudget, memory: BodyMemory,
    receiver: any RequestReceiver
  ) {
    self.reactor = reactor
    self.limits = limits
    self.budget = budget
    self.memory = memory
    self.receiver = receiver
    parser = RequestHeadParser(limits: headLimits)
    budget.join(self)
  }

  /// Applies new bounds to heads that are parsed from now on.
  public func setHeadLimits(_ limits: HTTPLimits) {
    if parser.limits != limits { parser = RequestHeadParser(limits: limits) }
  }

  /// Open connections.
  public var connectionCount: Int { connections.count }

  /// True while further connections may be accepted.
  public var mayAccept: Bool { budget.hasRoom }

  /// Has a connection give way that waits for nothing but its client: here, else, a moment later, on another reactor.
  ///
  /// - Returns: whether one did here.
  public func makeRoom() -> Bool {
    if evict(atMost: 1) { return true }
    budget.makeRoomElsewhere(than: self)
    return false
  }

  /// Takes over an accepted socket.
  public func accept(_ descriptor: Int32, from address: SocketAddress?) {
    let counted = address.flatMap { isExemptFromClientLimit($0) ? nil : $0 }
    var client: ClientNetwork?
    switch budget.enter(counted) {
    case .uncounted: break
    case .counted(let network): client = network
    case .refused: return Socket.close(descriptor)
    }
    budget.opened()
    let connection = DownstreamConnection(context: self, descriptor: descriptor, address: address, client: client)
    connection.open(id: connections.insert(connection))
  }

  func connection(_ id: SlotID) -> DownstreamConnection? { connections[id] }

  func fillEvictions() {
    let now = reactor.now
    evictions.fill(connections.lazyEntries.compactMap { $0.eviction(now: now) })
  }

  func noteEvicted(_ kind: ConnectionEviction.Kind) { budget.evicted(kind) }

  /// What the connections here are doing.
  public var stages: ConnectionStages {
    var stages = ConnectionStages()
    for connection in connections.lazyEntries { stages.add(connection) }
    return stages
  }

  /// Closes connections that wait for a further request, and has the others close after their answer. For draining.
  public func closeIdle() {
    for (_, connection) in connections.entries { connection.closeWhenIdle() }
  }

  /// Connections that draining waits for: those with a request under way, and, `countingSilent`, those that have sent nothing yet.
  public func unfinishedCount(countingSilent: Bool) -> Int {
    connections.entries.reduce(0) { $0 + ($1.1.isBusy || (countingSilent && $1.1.isSilent) ? 1 : 0) }
  }

  /// Cuts every connection that is left; gives back how many were being answered.
  public func cutAll() -> Int {
    var cut = 0
    for (_, connection) in connections.entries {
      if connection.isResponding {
        cut += 1
        connection.observer?.downstreamMustEnd()
      }
      connection.leave(.shutDown)
    }
    return cut
  }

  /// An accepted connection could not be watched.
  func notWatched() { budget.notWatched() }

  func remove(_ id: SlotID) {
    if let connection = connections.remove(id) { budget.closed(connection.client) }
  }
}
