internal import Gateway
internal import GatewayConfiguration
internal import HTTPWire
internal import Reactor
internal import Transport

/// Answers the operators' requests.
///
/// `@unchecked Sendable`: confined to the admin reactor's thread.
final class AdminDesk: RequestReceiver, @unchecked Sendable {
  private static let bodyBytesMax = 4096
  private static let json = "application/json"

  private let reactor: Reactor
  private let gateway: Gateway
  private let reload: @Sendable () async -> (taken: Bool, words: String)
  private var context: DownstreamContext?
  private var listeners: [Listener] = []
  /// Where it listens.
  let address: SocketAddress
  /// What the request under way on a connection asks for.
  private final class Pending: DownstreamObserver {
    let path: String
    let method: HTTPMethod
    let hasHeader: Bool
    let refusal: AdminAccess.Refusal?
    var isGone = false
    init(_ path: String, _ method: HTTPMethod, hasHeader: Bool, refusal: AdminAccess.Refusal?) {
      self.path = path
      self.method = method
      self.hasHeader = hasHeader
      self.refusal = refusal
    }
    func downstreamDrained() {}
    func answerDeadlineReached() {}
    func downstreamGone(_ reason: DownstreamGone) { isGone = true }
    func downstreamMustEnd() {}
  }

  init(
    reactor: Reactor, descriptors: [Int32], address: SocketAddress, gateway: Gateway,
    reload: @escaping @Sendable () async -> (taken: Bool, words: String)
  ) throws(SystemCallError) {
    self.reactor = reactor
    self.address = address
    self.gateway = gateway
    self.reload = reload
    let context = DownstreamContext(
      reactor: reactor, limits: DownstreamLimits(), headLimits: .request, budget: ConnectionBudget(most: 256),
      memory: BodyMemory(bytesMax: 1 << 20),
      receiver: self)
    self.context = context
    for descriptor in descriptors {
      listeners.append(
        try Listener(
          reactor: reactor, descriptor: descriptor, address: address, mayAccept: { context.mayAccept },
          makeRoom: { context.makeRoom() }
        ) { context.accept($0, from: $1) })
    }
  }

  /// False leaves what arrives to a successor.
  func setAccepting(_ isAccepting: Bool) {
    for listener in listeners { listener.isAccepting = isAccepting }
  }

  func close() {
    for listener in listeners { listener.close(acceptingWaiting: listener.isAccepting) }
    _ = context?.cutAll()
  }

  func requestHead(
    _ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, on connection: DownstreamConnection
  ) -> Int? {
    let (path, host) = bytes.withUnsafeBytes { all in
      (String(decoding: all[head.path], as: UTF8.self), head.host.map { String(decoding: all[$0], as: UTF8.self) })
    }
    let headers = bytes.withUnsafeBytes { all in
      fields.map {
        (String(decoding: all[$0.name], as: UTF8.self).lowercased(), String(decoding: all[$0.value], as: UTF8.self))
      }
    }
    func value(_ name: String) -> String? { headers.first { $0.0 == name }?.1 }
    let refusal = access.refusal(
      host: host, origin: value("origin"), site: value("sec-fetch-site"),
      changesState: head.method != .get && head.method != .head)
    connection.observer = Pending(
      path, head.method, hasHeader: value("x-sluice-admin") != nil, refusal: refusal)
    return Self.bodyBytesMax
  }

  private var access: AdminAccess {
    AdminAccess(names: gateway.settings.admin?.hosts ?? [], listen: address.host) { address in
      NetworkInterfaces.addresses().contains { IPAddress($0.host) == address }
    }
  }

  /// Probes ask by all kinds of names, and what they are told is no secret.
  private static let openPaths: Set<String> = ["/livez", "/readyz", "/health"]

  func requestRejected(_ rejection: RequestRejection, on connection: DownstreamConnection) {
    answer(rejection.status, #"{"error":"\#(rejection.message)"}"#, .get, on: connection)
  }

  func requestComplete(_ body: UnsafeRawBufferPointer, on connection: DownstreamConnection) {
    guard let pending = connection.observer as? Pending else { return }
    if let refusal = pending.refusal, !Self.openPaths.contains(pending.path) {
      return answer(refusal.status, StatusReport.error(refusal.message), pending.method, on: connection)
    }
    switch (pending.path, pending.method) {
    case ("/livez", .get), ("/livez", .head): answer(200, #"{"status":"ok"}"#, pending.method, on: connection)
    case ("/readyz", .get), ("/readyz", .head), ("/health", .get), ("/health", .head):
      let isReady = gateway.isReady
      answer(
        isReady ? 200 : 503, #"{"status":"\#(isReady ? "ok" : "draining")"}"#, pending.method, on: connection)
    case ("/status", .get):
      later(connection, pending) { [gateway] in (200, await StatusReport.json(of: gateway)) }
    case ("/metrics", .get):
      later(connection, pending, contentType: MetricsReport.contentType) { [gateway] in
        (200, await MetricsReport.text(of: gateway))
      }
    case ("/reload", .post):
      // A page in the operator's browser can post here, but cannot set this header without being allowed to.
      guard pending.hasHeader else {
        return answer(403, #"{"error":"send the header 'x-sluice-admin: 1'"}"#, pending.method, on: connection)
      }
      later(connection, pending) { [reload] in
        let result = await reload()
        return (result.taken ? 200 : 422, StatusReport.words(result.words))
      }
    default: answer(404, #"{"error":"there is no such endpoint"}"#, pending.method, on: connection)
    }
  }

  private func later(
    _ connection: DownstreamConnection, _ pending: Pending, contentType: String = AdminDesk.json,
    _ make: @escaping @Sendable () async -> (Int, String)
  ) {
    let waiting = Waiting(desk: self, connection: connection, pending: pending, contentType: contentType)
    let reactor = reactor
    reactor.startTask {
      let (status, body) = await make()
      reactor.execute { waiting.answer(status, body) }
    }
  }

  /// Carries a connection through a task of the same reactor; touched only on its thread.
  private final class Waiting: @unchecked Sendable {
    private let desk: AdminDesk
    private let connection: DownstreamConnection
    private let pending: Pending
    private let contentType: String

    init(desk: AdminDesk, connection: DownstreamConnection, pending: Pending, contentType: String) {
      self.contentType = contentType
      self.desk = desk
      self.connection = connection
      self.pending = pending
    }

    func answer(_ status: Int, _ body: String) {
      guard !pending.isGone else { return }
      desk.answer(status, body, pending.method, on: connection, contentType: contentType)
    }
  }

  private func answer(
    _ status: Int, _ body: String, _ method: HTTPMethod, on connection: DownstreamConnection,
    contentType: String = AdminDesk.json
  ) {
    var output = OutputBytes(capacity: 256 + body.utf8.count)
    // A status of our own has three digits.
    try? output.appendStatusLine(status)
    output.append("content-type: ")
    output.append(Array(contentType.utf8))
    output.append("\r\ncache-control: no-store\r\ncontent-length: ")
    output.append(decimal: body.utf8.count)
    output.append(connection.mayKeepAlive ? "\r\n\r\n" : "\r\nconnection: close\r\n\r\n")
    if method != .head { output.append(Array(body.utf8)) }
    output.withUnsafeBytes { _ = connection.send($0) }
    connection.finishResponse(keepAlive: true)
  }
}
