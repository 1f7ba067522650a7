/// The port for health, metrics and the console; loopback unless told otherwise.
public struct AdminSettings: Sendable, Equatable {
  /// The address to listen on.
  public var listen = ListenAddress(host: "127.0.0.1", port: 8001)
  /// Names it is asked under, beside those of this machine's loopback and its own addresses.
  public var hosts: [String] = []

  /// The defaults.
  public init() {}
}
