public import GatewayConfiguration
internal import Glibc
public import Logging
public import Reactor

/// The sockets that this process listens on: taken over from the process that listens there now, or opened.
///
/// A connection waits in the queue of the listening socket that the kernel chose for it, and is reset when that socket's last descriptor is
/// closed. So a successor is given descriptors for the same sockets (SCM_RIGHTS), accepts from them beside its predecessor, and keeps them
/// when that one ends: no queue ends with a process. They meet under an abstract name made of user and address.
public final class ListeningSockets: Sendable {
  private struct Entry: Sendable {
    let address: SocketAddress
    var descriptors: [Int32]
    var copies: [Int32]
    var name: Int32?
    var link: Int32?
  }

  private struct State: Sendable {
    var opened: [ListenAddress: Entry] = [:]
    var points: [(SocketAddress, HandoverPoint)] = []
    var deadline: MonotonicTime?
  }

  private let handsOver: Bool
  private let logger: Logger
  private let state = Locked(State())

  /// How long predecessors may take to answer, all together.
  private static let patience = Duration.seconds(1)

  /// - Parameter handsOver: false opens sockets, and neither takes nor gives them.
  public init(
    handsOver: Bool = false, logger: Logger = Logger(label: "sluice") { _ in SwiftLogNoOpLogHandler() }
  ) {
    self.handsOver = handsOver
    self.logger = logger
  }

  /// Descriptors for an address, at least one for each of `count` reactors. Asked again for the same address it gives the same, so that all can be
  /// opened before the first accepts.
  ///
  /// - Parameter key: the configuration's key, for the words of an error.
  public func open(
    _ listen: ListenAddress, count: Int, key: String
  ) throws(GatewayStartError) -> (address: SocketAddress, descriptors: [Int32]) {
    if let entry = state.withLock({ $0.opened[listen] }) { return (entry.address, entry.descriptors) }
    guard let address = SocketAddress(literal: listen.host, port: UInt16(clamping: listen.port)) else {
      throw GatewayStartError("\(key): '\(listen.host)' is not an IP address.")
    }
    var entry = Entry(address: address, descriptors: [], copies: [])
    if handsOver, address.port != 0 { takeOver(&entry) }
    do throws(SystemCallError) {
      entry = try Self.complete(entry, count)
    } catch {
      throw GatewayStartError("\(key): \(Self.words(error, address))")
    }
    if handsOver { offer(&entry) }
    state.withLock { $0.opened[listen] = entry }
    return (entry.address, entry.descriptors)
  }

  private func takeOver(_ entry: inout Entry) {
    let deadline = state.withLock { state in
      let deadline = state.deadline ?? MonotonicTime.readClock() + Self.patience
      state.deadline = deadline
      return deadline
    }
    let address = entry.address
    switch Predecessor.ask(Self.name(address), address, until: deadline) {
    case .given(let predecessor):
      entry.descriptors = predecessor.descriptors
      entry.name = predecessor.name
      entry.link = predecessor.link
      logger.info(
        "listeners taken over",
        metadata: [
          "address": "\(address)", "from_process": "\(predecessor.process)", "sockets": "\(entry.descriptors.count)",
        ])
    case .none where Socket.isFree(address): break
    case .none:
      logger.warning(
        "address shared with a process that does not hand over its listeners: its end may reset connections",
        metadata: ["address": "\(address)"])
    case .refused(let problem):
      logger.warning(
        "listeners not taken over: the end of the process that has them may reset connections",
        metadata: ["address": "\(address)", "problem": "\(problem)"])
    }
  }

  /// Adds what is missing for `count` reactors: sockets of their own (SO_REUSEPORT).
  private static func complete(_ given: Entry, _ count: Int) throws(SystemCallError) -> Entry {
    var address = given.address
    var descriptors = given.descriptors
    while descriptors.count < count {
      do throws(SystemCallError) {
        let descriptor = try Socket.listen(on: address)
        descriptors.append(descriptor)
        // Port 0: the others join the port that the first was given.
        if address.port == 0 { address = Socket.localAddress(descriptor) ?? address }
      } catch {
        // The sockets of another user's process admit none beside them; several reactors can accept from one.
        guard !given.descriptors.isEmpty,
          let copy = Socket.duplicate(given.descriptors[descriptors.count % given.descriptors.count])
        else {
          for descriptor in descriptors { Socket.close(descriptor) }
          throw error
        }
        descriptors.append(copy)
      }
    }
    return Entry(address: address, descriptors: descriptors, copies: [], name: given.name, link: given.link)
  }

  /// Prepares to hand over in turn. What is missing for it is no reason not to serve.
  private func offer(_ entry: inout Entry) {
    entry.copies = entry.descriptors.compactMap(Socket.duplicate)
    if entry.name == nil { entry.name = try? LocalSocket.listen(Self.name(entry.address)) }
    if entry.name == nil || entry.copies.count < entry.descriptors.count {
      for copy in entry.copies { Socket.close(copy) }
      entry.copies = []
      logger.notice("listeners cannot be handed over to a successor", metadata: ["address": "\(entry.address)"])
    }
  }

  /// Call when all that was opened is accepted from: tells predecessors, and answers successors from now on.
  ///
  /// - Parameter changed: told on the reactor's thread when a successor has taken over an address (true), and when it has ended (false).
  public func beginHandingOver(
    on reactor: Reactor, changed: @escaping @Sendable (_ address: SocketAddress, _ isTaken: Bool) -> Void
  ) async {
    let points = state.withLock { state in
      for entry in state.opened.values {
        guard let name = entry.name, !entry.copies.isEmpty else { continue }
        let point = HandoverPoint(
          reactor: reactor, address: entry.address, name: name, copies: entry.copies, link: entry.link, logger: logger,
          changed: changed)
        state.points.append((entry.address, point))
      }
      return state.points
    }
    await reactor.run { for (_, point) in points { point.begin() } }
  }

  /// Stops handing over, before the listeners are closed.
  ///
  /// - Returns: the addresses whose queues live on in another process.
  func leave(on reactor: Reactor) async -> Set<SocketAddress> {
    let points = state.withLock { state in
      defer { state.points = [] }
      return state.points
    }
    return await reactor.run {
      var taken: Set<SocketAddress> = []
      for (address, point) in points {
        if point.isTaken { taken.insert(address) }
        point.leave()
      }
      return taken
    }
  }

  /// Ports belong to a network namespace, and so do abstract names.
  private static func name(_ address: SocketAddress) -> String { "sluice-\(geteuid())-\(address)" }

  private static func words(_ error: SystemCallError, _ address: SocketAddress) -> String {
    switch error.code {
    case EADDRINUSE:
      "\(address) is in use by another program, or by a gateway of another user. Stop it, or listen on another port."
    case EACCES:
      "\(address): ports below 1024 need a privilege (CAP_NET_BIND_SERVICE). Grant it, or listen on another port."
    case EADDRNOTAVAIL: "\(address): no interface of this machine has this address."
    default: "\(error)."
    }
  }
}
