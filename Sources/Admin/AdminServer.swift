public import Gateway
public import GatewayConfiguration
internal import HTTPWire
internal import Reactor
internal import Transport

/// The operators' port: health, state, reload. It has a reactor of its own, so that nothing asked here delays a stream, and listens on
/// loopback unless told otherwise. Nothing of it answers on the data port.
public final class AdminServer: Sendable {
  private let group: ReactorGroup
  private let desk: AdminDesk

  /// Starts to listen.
  ///
  /// - Parameter reload: what `POST /reload` does; gives back words for the operator, and whether the configuration was taken.
  public static func start(
    _ listen: ListenAddress, gateway: Gateway,
    reload: @escaping @Sendable () async -> (taken: Bool, words: String)
  ) async throws -> AdminServer {
    guard let address = SocketAddress(literal: listen.host, port: UInt16(clamping: listen.port)) else {
      throw GatewayStartError("admin.listen: '\(listen.host)' is not an IP address.")
    }
    do throws(SystemCallError) {
      let descriptor = try Socket.listen(on: address)
      let group: ReactorGroup
      do throws(SystemCallError) {
        group = try ReactorGroup(count: 1, firstIndex: 2_000)
      } catch {
        Socket.close(descriptor)
        throw error
      }
      return try await start(descriptor, address, on: group, gateway: gateway, reload: reload)
    } catch {
      throw GatewayStartError("admin.listen: \(error).")
    }
  }

  private static func start(
    _ descriptor: Int32, _ address: SocketAddress, on group: ReactorGroup, gateway: Gateway,
    reload: @escaping @Sendable () async -> (taken: Bool, words: String)
  ) async throws(SystemCallError) -> AdminServer {
    let reactor = group.reactors[0]
    do throws(SystemCallError) {
      let desk = try await reactor.attempt { () throws(SystemCallError) in
        try AdminDesk(reactor: reactor, descriptor: descriptor, address: address, gateway: gateway, reload: reload)
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

  /// Stops listening and ends its thread.
  public func shutDown() async {
    let desk = desk
    await group.reactors[0].run { desk.close() }
    group.shutDown()
  }
}
