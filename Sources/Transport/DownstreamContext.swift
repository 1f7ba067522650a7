public import HTTPWire
public import Reactor

/// How long and how much of a client is borne. Times are per step, sizes in bytes.
public struct DownstreamLimits: Sendable {
  /// From the first byte of a request to the end of its head.
  public var headTimeout = Duration.seconds(15)
  /// Between two pieces of a body.
  public var bodyTimeout = Duration.seconds(15)
  /// The least rate of a body after its first `bodyTimeout`, in bytes per second.
  public static let bodyBytesPerSecondMin = 500
  /// Between two requests on a connection, and before its first.
  public var idleTimeout = Duration.seconds(75)
  /// Without progress while bytes wait to be sent.
  public var writeTimeout = Duration.seconds(60)
  /// Bytes of further requests kept while one is being answered; beyond it the client is not read.
  public var pipelinedBytesMax = 65_536

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
  unowned let receiver: any RequestReceiver
  private var connections = SlotTable<DownstreamConnection>()

  /// Makes the shared part for `reactor`.
  public init(
    reactor: Reactor, limits: DownstreamLimits, headLimits: HTTPLimits, budget: ConnectionBudget,
    receiver: any RequestReceiver
  ) {
    self.reactor = reactor
    self.limits = limits
    self.budget = budget
    self.receiver = receiver
    parser = RequestHeadParser(limits: headLimits)
  }

  /// Applies new bounds to heads that are parsed from now on.
  public func setHeadLimits(_ limits: HTTPLimits) {
    if parser.limits != limits { parser = RequestHeadParser(limits: limits) }
  }

  /// Open connections.
  public var connectionCount: Int { connections.count }

  /// True while further connections may be accepted.
  public var mayAccept: Bool { budget.hasRoom }

  /// Takes over an accepted socket.
  public func accept(_ descriptor: Int32, from address: SocketAddress?) {
    budget.opened()
    let connection = DownstreamConnection(context: self, descriptor: descriptor, address: address)
    connection.open(id: connections.insert(connection))
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
    if connections.remove(id) != nil { budget.closed() }
  }
}
