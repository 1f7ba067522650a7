public import Gateway
public import GatewayConfiguration
internal import HTTPWire
public import Reactor
internal import Transport

/// The operators' port: health, state, reload. It has a reactor of its own, so that nothing asked here delays a stream, and listens on
/// loopback unless told otherwise. Nothing of it answers on the data port.
public final class AdminServer: Sendable {
  private let group: ReactorGroup
  private let desk: AdminDesk

  /// Starts to listen.
  ///
  /// - Parameters:
  ///   - sockets: gives the listening sockets.
  ///   - reload: what `POST /reload` does; gives back words for the operator, and whether the configuration was taken.
  public static func start(
    _ listen: ListenAddress, gateway: Gateway, sockets: ListeningSockets = ListeningSockets(),
    reload: @escaping @Sendable () async -> (taken: Bool, words: String)
  ) async throws -> AdminServer {
    let (address, descriptors) = try open(listen, sockets)
    do throws(SystemCallError) {
      let group = try ReactorGroup(count: 1, firstIndex: 2_000)
      return try await start(descriptors, address, on: group, gateway: gateway, reload: reload)
    } catch {
      throw GatewayStartError("admin.listen: \(error).")
    }
  }

  /// Opens the port, which `start` then finds open: so that a port that cannot be had ends a start before it takes a client.
  @discardableResult
  public static func open(
    _ listen: ListenAddress, _ sockets: ListeningSockets
  ) throws(GatewayStartError) -> (address: SocketAddress, descriptors: [Int32]) {
    try sockets.open(listen, count: 1, key: "admin.listen")
  }

  private static func start(
    _ descriptors: [Int32], _ address: SocketAddress, on group: ReactorGroup, gateway: Gateway,
    reload: @escaping @Sendable () async -> (taken: Bool, words: String)
  ) async throws(SystemCallError) -> AdminServer {
    let reactor = group.reactors[0]
    do throws(SystemCallError) {
      let desk = try await reactor.attempt { () throws(SystemCallError) in
        try AdminDesk(
          reactor: reactor, descriptors: descriptors, address: address, gateway: gateway, reload: reload)
      }
      return AdminServer(group, desk)
    } catch {
      group.shutDown()
      throw error
    }
  }

  private init(_ group: ReactorGroup, _ desk: AdminDesk) {
    self.group = group
    self.desk = desk
  }

  /// Where it listens.
  public var address: String { "\(desk.address)" }

  /// Has a successor's admin port alone answer, or this one again.
  ///
  /// - Parameter address: the address that the successor has taken over, or lost; any other changes nothing.
  public func successorChanged(_ address: SocketAddress, isTaken: Bool) {
    let desk = desk
    guard address == desk.address else { return }
    group.reactors[0].execute { desk.setAccepting(!isTaken) }
  }

  /// Stops listening and ends its thread.
  public func shutDown() async {
    let desk = desk
    await group.reactors[0].run { desk.close() }
    group.shutDown()
  }
}
