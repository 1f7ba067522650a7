/// Why the gateway cannot start, or cannot take a configuration.
public struct GatewayStartError: Error, CustomStringConvertible {
  /// The key, what is wrong, what to do.
  public let description: String

  /// An error in words.
  public init(_ description: String) { self.description = description }
}
