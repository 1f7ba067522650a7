/// The port for health, metrics and the console; loopback unless told otherwise.
public struct AdminSettings: Sendable, Equatable {
  /// The address to listen on.
  public var listen = ListenAddress(host: "127.0.0.1", port: 8001)

  /// The defaults.
  public init() {}
}
