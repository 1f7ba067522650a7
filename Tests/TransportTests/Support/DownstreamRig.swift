import HTTPWire
import Reactor
import Transport
import TestKit

/// What a receiver of requests was told.
enum DownstreamEvent: Equatable, Sendable {
  case head(String)
  case complete(bodyBytes: Int)
  case rejected(Int)
  case drained
  case gone(DownstreamGone)
  case mustEnd
}

/// Writes down what it is told and answers `path|body`, or does what the test sets. Confined to its reactor but for the journal.
final class RecordingReceiver: RequestReceiver, DownstreamObserver, @unchecked Sendable {
  let journal = Journal<DownstreamEvent>()
  let bodies = Journal<[UInt8]>()
  var bodyBytesMax = 1 << 20
  /// Does the answering from inside `requestHead` when it gives back true.
  var answersHead: (DownstreamConnection) -> Bool = { _ in false }
  /// What is done with a complete request; nil answers it at once.
  var onComplete: ((DownstreamConnection) -> Void)?
  private(set) var connections: [DownstreamConnection] = []
  private(set) var path = ""

  /// Connections and what the test set know the receiver, and it them.
  func letGo() {
    connections = []
    answersHead = { _ in false }
    onComplete = nil
  }

  func requestHead(
    _ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, on connection: DownstreamConnection
  ) -> Int? {
    path = bytes.withUnsafeBytes { String(decoding: $0[head.path], as: UTF8.self) }
    journal.add(.head(path))
    if !connections.contains(where: { $0 === connection }) { connections.append(connection) }
    return answersHead(connection) ? nil : bodyBytesMax
  }

  func requestComplete(_ body: UnsafeRawBufferPointer, on connection: DownstreamConnection) {
    bodies.add(Array(body))
    journal.add(.complete(bodyBytes: body.count))
    connection.observer = self
    if let onComplete { return onComplete(connection) }
    answer(Array("\(path)|".utf8) + Array(body), on: connection)
  }

  func requestRejected(_ rejection: RequestRejection, on connection: DownstreamConnection) {
    journal.add(.rejected(rejection.status))
    answer(Array(rejection.message.utf8), status: rejection.status, on: connection)
  }

  func downstreamDrained() { journal.add(.drained) }
  func downstreamGone(_ reason: DownstreamGone) { journal.add(.gone(reason)) }

  /// What is done when the gateway ends; nothing by default.
  var onMustEnd: () -> Void = {}
  func answerDeadlineReached() {}

  func downstreamMustEnd() {
    journal.add(.mustEnd)
    onMustEnd()
  }

  func answer(_ body: [UInt8], status: Int = 200, on connection: DownstreamConnection) {
    let keepAlive = connection.mayKeepAlive
    let head =
      "HTTP/1.1 \(status) X\r\ncontent-length: \(body.count)\r\n" + (keepAlive ? "" : "connection: close\r\n") + "\r\n"
    (Array(head.utf8) + body).withUnsafeBytes { _ = connection.send($0) }
    connection.finishResponse(keepAlive: keepAlive)
  }
}

/// A listening server with a recording receiver.
final class DownstreamRig: @unchecked Sendable {
  let group = ReactorGroup.started(count: 1)
  let receiver = RecordingReceiver()
  let context: DownstreamContext
  let port: UInt16
  private let listener: Listener
  var reactor: Reactor { group.reactors[0] }

  /// How many connections are accepted.
  let budget = ConnectionBudget(most: 10_000)
  /// How much of bodies is held.
  let memory = BodyMemory(bytesMax: 1 << 30)

  init(_ change: (inout DownstreamLimits) -> Void = { _ in }) throws {
    var limits = DownstreamLimits()
    change(&limits)
    let reactor = group.reactors[0]
    let context = DownstreamContext(
      reactor: reactor, limits: limits, headLimits: .request, budget: budget, memory: memory,
      receiver: receiver)
    self.context = context
    guard let address = SocketAddress(literal: "127.0.0.1", port: 0) else { preconditionFailure("address") }
    let descriptor = try Socket.listen(on: address)
    let listener = reactor.sync {
      Confined(
        try! Listener(
          reactor: reactor, descriptor: descriptor, address: address, mayAccept: { context.mayAccept },
          makeRoom: { context.makeRoom() },
          accepted: { context.accept($0, from: $1) }))
    }
    self.listener = listener.value
    port = listener.value.address.port
  }

  /// Stops everything; gives back how many connections had to be cut.
  @discardableResult
  func shutDown() -> Int {
    let cut = reactor.sync { [self] in
      listener.close()
      return context.cutAll()
    }
    group.shutDown()
    receiver.letGo()
    return cut
  }

  func connect(receiveBuffer: Int32? = nil) throws -> RawSocket {
    try RawSocket.connect(port, receiveBuffer: receiveBuffer)
  }

  /// Returns once the reactor has handled all that had arrived.
  func settle() { for _ in 0..<2 { reactor.sync {} } }

  var connectionCount: Int { reactor.sync { [context] in context.connectionCount } }

  func holds(_ event: DownstreamEvent, within seconds: Double = 5) -> Bool {
    waitUntil(timeout: .seconds(seconds)) { receiver.journal.entries.contains(event) }
  }
}

/// Runs `body` with a fresh server.
func withDownstream(
  _ change: (inout DownstreamLimits) -> Void = { _ in }, _ body: (DownstreamRig) throws -> Void
) throws {
  let rig = try DownstreamRig(change)
  defer { rig.shutDown() }
  try body(rig)
}

/// An answer as a client reads it.
struct RawAnswer: Equatable {
  var status: Int
  var head: String
  var body: [UInt8]
  var text: String { String(decoding: body, as: UTF8.self) }
}

/// Reads answers from one connection; keeps what belongs to the next.
final class AnswerReader {
  private let socket: RawSocket
  private var pending: [UInt8] = []
  init(_ socket: RawSocket) { self.socket = socket }

  func next() throws -> RawAnswer {
    let end = Array("\r\n\r\n".utf8)
    while true {
      if let found = pending.firstRange(of: end) {
        let head = String(decoding: pending[..<found.lowerBound], as: UTF8.self)
        let status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? -1
        pending.removeFirst(found.upperBound)
        if status < 200 { return RawAnswer(status: status, head: head, body: []) }
        let length =
          head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
        while pending.count < length { try more() }
        defer { pending.removeFirst(length) }
        return RawAnswer(status: status, head: head, body: Array(pending[..<length]))
      }
      try more()
    }
  }

  private func more() throws {
    let piece = try socket.receive()
    guard !piece.isEmpty else {
      throw RawSocket.Failure(operation: "end inside an answer, after \(pending.count) bytes", code: 0)
    }
    pending += piece
  }
}
