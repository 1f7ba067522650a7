/// One key in which two settings differ.
public struct ConfigurationChange: Sendable, Equatable {
  /// The key, for example `server.listen` or `upstreams.deepseek`.
  public var path: String
  /// Whether a running gateway takes it over.
  public var reload: ConfigurationKey.Reload

  /// A change from its parts.
  public init(path: String, reload: ConfigurationKey.Reload) {
    self.path = path
    self.reload = reload
  }

  func below(_ name: String) -> ConfigurationChange { ConfigurationChange(path: "\(name).\(path)", reload: reload) }
}

extension GatewaySettings {
  /// What differs from these settings to newer ones, in the order of the keys. Changes marked `restart` do not take effect in a
  /// running gateway, and a reload should say so.
  public func changes(to newer: GatewaySettings) -> [ConfigurationChange] { Self.section.changes(self, newer) }
}
