import HTTPWire
import Reactor

@testable import Transport
import TestKit

/// What owner and receiver of a session were told.
enum UpstreamEvent: Equatable, Sendable {
  case connected
  case connectFailed(TransportError)
  case diedIdle
  case head(Int)
  case last(isIdle: Bool)
  case failed(TransportError)
}

/// Owner and receiver of one session, both written down in order. Confined to the reactor but for the journal.
final class RecordingOwner: UpstreamSessionOwner, ResponseReceiver, @unchecked Sendable {
  let journal = Journal<UpstreamEvent>()
  let pieces = Journal<[UInt8]>()
  private let bytes = Locked(0)
  /// How many bytes of body have come.
  var bodyBytes: Int { bytes.withLock { $0 } }
  var onHead: (UpstreamSession) -> Void = { _ in }
  var onBody: (UpstreamSession) -> Void = { _ in }
  var onLast: (UpstreamSession) -> Void = { _ in }

  func sessionConnected(_ session: UpstreamSession) { journal.add(.connected) }
  func sessionConnectFailed(_ session: UpstreamSession, _ error: TransportError) { journal.add(.connectFailed(error)) }
  func sessionDiedIdle(_ session: UpstreamSession) { journal.add(.diedIdle) }

  func responseHead(
    _ head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan, from session: UpstreamSession
  ) {
    journal.add(.head(head.status))
    onHead(session)
  }

  func responseBody(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool, from session: UpstreamSession
  ) {
    pieces.add(Array(buffer[payload]))
    bytes.withLock { $0 += payload.count }
    // The room that the receiver may overwrite is really there, and nobody misses what stood in it.
    precondition(payload.lowerBound >= Reactor.headRoom && payload.upperBound + Reactor.tailRoom <= buffer.count)
    buffer[payload.lowerBound - Reactor.headRoom..<payload.upperBound + Reactor.tailRoom].copyBytes(
      from: repeatElement(0xEE, count: Reactor.headRoom + payload.count + Reactor.tailRoom))
    onBody(session)
    if isLast {
      journal.add(.last(isIdle: session.isIdle))
      onLast(session)
    }
  }

  func responseFailed(_ error: TransportError, from session: UpstreamSession) { journal.add(.failed(error)) }

  var body: [UInt8] { pieces.entries.flatMap { $0 } }
  var text: String { String(decoding: body, as: UTF8.self) }
}

/// One session and the server that the test plays.
final class UpstreamRig: @unchecked Sendable {
  let group = ReactorGroup.started(count: 1)
  let owner = RecordingOwner()
  let session: UpstreamSession
  var reactor: Reactor { group.reactors[0] }

  init(
    _ addresses: [SocketAddress], tls: TLSClientContext? = nil, connectTimeout: Duration = .seconds(5),
    watchesMax: Int = .max
  ) {
    let owner = owner
    let reactor = group.reactors[0]
    session = reactor.sync {
      reactor.watchesMax = watchesMax
      let session = UpstreamSession(
        context: UpstreamContext(reactor: reactor), target: UpstreamTarget(addresses: addresses, tls: tls),
        owner: owner,
        connectDeadline: reactor.now + connectTimeout)
      session.connect()
      return session
    }
  }

  func shutDown() {
    reactor.sync { [session] in session.close() }
    group.shutDown()
    // They know the rig, and it them.
    owner.onHead = { _ in }
    owner.onBody = { _ in }
    owner.onLast = { _ in }
  }

  /// Sends a request; events before it are in the journal already.
  func begin(_ request: String = "GET / HTTP/1.1\r\nhost: x\r\n\r\n", method: HTTPMethod = .get) {
    reactor.sync { [session, owner] in session.begin(Array(request.utf8), method: method, receiver: owner) }
  }

  func holds(_ event: UpstreamEvent, count: Int = 1, within seconds: Double = 5) -> Bool {
    waitUntil(timeout: .seconds(seconds)) { owner.journal.entries.filter { $0 == event }.count >= count }
  }

  var isFailed: Bool {
    owner.journal.entries.contains { if case .failed = $0 { true } else { false } }
  }

  /// Asked on the session's own thread.
  var isClosed: Bool { reactor.sync { [session] in session.isClosed } }
  var hasReceived: Bool { reactor.sync { [session] in session.hasReceived } }
  var isIdle: Bool { reactor.sync { [session] in session.isIdle } }
  var requestCount: Int { reactor.sync { [session] in session.requestCount } }

  /// Whether an answer has ended, well or not.
  var isOver: Bool {
    isFailed || owner.journal.entries.contains { if case .last = $0 { true } else { false } }
  }

  /// Returns once the reactor has handled all that had arrived.
  func settle() { for _ in 0..<2 { reactor.sync {} } }
}

/// A connected session and its peer.
func withUpstream(_ body: (UpstreamRig, RawSocket) throws -> Void) throws {
  let server = try RawSocket.listen()
  let rig = UpstreamRig([try loopback(server.port)])
  defer { rig.shutDown() }
  let peer = try server.accept()
  guard rig.holds(.connected) else { throw RawSocket.Failure(operation: "no connection", code: 0) }
  try body(rig, peer)
}

func loopback(_ port: UInt16) throws -> SocketAddress {
  guard let address = SocketAddress(literal: "127.0.0.1", port: port) else {
    throw RawSocket.Failure(operation: "address", code: 0)
  }
  return address
}
