internal import GatewayConfiguration
internal import HTTPWire
internal import Quotas
internal import Reactor
internal import Transport

/// The gateway's part on one reactor: takes requests from the connections there and gives each an exchange.
///
/// `@unchecked Sendable`: confined to its reactor's thread; others reach it by `reactor.execute`.
final class GatewayWorker: RequestReceiver, @unchecked Sendable {
  let reactor: Reactor
  /// What its requests share.
  let services: RequestServices
  private let budget: ConnectionBudget
  /// The configuration for requests that begin now.
  private(set) var snapshot: GatewaySnapshot
  private(set) var downstream: DownstreamContext!
  private let limiter: Limiter
  private var listeners: [Listener] = []

  init(
    reactor: Reactor, budget: ConnectionBudget, memory: BodyMemory, snapshot: GatewaySnapshot, limiter: Limiter,
    log: AccessLog,
    startedAtUnixSeconds: Int
  ) {
    self.limiter = limiter
    self.reactor = reactor
    self.budget = budget
    self.snapshot = snapshot
    services = RequestServices(
      reactor: reactor, bodies: memory, log: log, startedAtUnixSeconds: startedAtUnixSeconds)
    downstream = DownstreamContext(
      reactor: reactor, limits: DownstreamLimits(), headLimits: .request, budget: budget, memory: memory,
      receiver: self)
    services.downstream = downstream
    apply(snapshot)
  }

  /// Begins to use a configuration. Requests under way keep theirs.
  func apply(_ snapshot: GatewaySnapshot) {
    self.snapshot = snapshot
    let server = snapshot.settings.server
    var limits = DownstreamLimits()
    limits.headTimeout = server.timeouts.head
    limits.bodyTimeout = server.timeouts.body
    limits.idleTimeout = server.timeouts.idle
    limits.writeTimeout = server.timeouts.write
    limits.minBodyRate = server.minBodyRate
    downstream.memory.setBytesMax(server.bodyMemory ?? MachineMemory.bodyShare)
    // Each connection may need a second descriptor for its upstream; some are kept for files, look-ups and the admin port.
    budget.setMost(
      min(server.connectionsMax, DescriptorLimit.connectionsMax), ofClient: server.connectionsPerClient)
    let proxies = server.trustedProxies
    downstream.isExemptFromClientLimit = { address in
      !proxies.isEmpty && ClientAddress.isTrusted(address.host, proxies)
    }
    downstream.limits = limits
    downstream.setHeadLimits(
      HTTPLimits(headBytesMax: server.headBytesMax, fieldCountMax: server.headerCountMax))
    services.apply(snapshot)
    applyLimits(snapshot)
  }

  private func applyLimits(_ snapshot: GatewaySnapshot) {
    if let allDesk {
      allDesk.reconfigure(snapshot.limits)
    } else if !snapshot.settings.limits.isEmpty {
      allDesk = limiter.makeDesk(snapshot.limits, on: reactor)
    }
    services.desk = snapshot.settings.limits.isEmpty ? nil : allDesk
  }

  /// The desk, also while it has nothing to do: what is used of a limit that is taken away for a while is not forgotten.
  private var allDesk: LimitDesk?

  /// How the limits stand here.
  var limitGauges: LimitGauges? { allDesk?.gauges }

  /// Gives back what is leased.
  func leaveLimits() { allDesk?.leave() }

  // MARK: Listening

  func listen(_ descriptor: Int32, _ address: SocketAddress) throws(SystemCallError) {
    let downstream: DownstreamContext = downstream
    let listener = try Listener(
      reactor: reactor, descriptor: descriptor, address: address, mayAccept: { downstream.mayAccept },
      makeRoom: { downstream.makeRoom() }
    ) { descriptor, peer in
      downstream.accept(descriptor, from: peer)
    }
    listeners.append(listener)
  }

  /// Stops accepting; what waits in the queues of `taken` is left to the process that has them too.
  func stopListening(leavingTo taken: Set<SocketAddress>) {
    for listener in listeners { listener.close(acceptingWaiting: !taken.contains(listener.address)) }
    listeners = []
  }

  // MARK: Requests

  func requestHead(
    _ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, on connection: DownstreamConnection
  ) -> Int? {
    let exchange = makeExchange(connection, fields, bytes)
    return exchange.begin(head, fields, bytes)
  }

  func requestComplete(_ body: UnsafeRawBufferPointer, on connection: DownstreamConnection) {
    guard let observer = connection.observer else { return }
    // The observer of a connection of this worker is always the exchange that `requestHead` made.
    unsafeDowncast(observer, to: Exchange.self).bodyArrived(body)
  }

  func requestRejected(_ rejection: RequestRejection, on connection: DownstreamConnection) {
    let exchange: Exchange
    if let observer = connection.observer {
      exchange = unsafeDowncast(observer, to: Exchange.self)
    } else {
      exchange = makeExchange(connection, [], [UInt8]().span.bytes)
    }
    exchange.refuse(.rejected(rejection))
  }

  private func makeExchange(
    _ connection: DownstreamConnection, _ fields: [HeaderField], _ bytes: RawSpan
  ) -> Exchange {
    var id: RequestID?
    if let given = fields.firstValue(of: .xRequestID), !isKey(given, fields, bytes) {
      id = RequestID(given: given, in: bytes)
    }
    let exchange = Exchange(services, connection, snapshot, id: id ?? services.random.next())
    connection.observer = exchange
    return exchange
  }

  /// Whether what a client gives as its request's id is a key: ids stand in logs and go upstream.
  private func isKey(_ range: Range<Int>, _ fields: [HeaderField], _ bytes: RawSpan) -> Bool {
    let text = bytes.withUnsafeBytes { String(decoding: $0[range].prefix(RequestID.givenBytesMax), as: UTF8.self) }
    let presented = IdentityTable.presented(fields, bytes)
    return CredentialShield(presented, bytes, snapshot.identities).finds(in: text)
  }
}
