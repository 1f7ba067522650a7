/// What `AUTH` says. No print, dump, interpolation or error shows the password.
public struct RedisCredentials: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The ACL user; nil is the default user, as servers before Redis 6 know it alone.
  public let user: String?
  /// The password.
  let password: String

  /// Wraps a password.
  public init(user: String? = nil, password: String) {
    self.user = user
    self.password = password
  }

  /// The user, and `***`.
  public var description: String { "\(user ?? "default"):***" }
  /// The same.
  public var debugDescription: String { description }
  /// A mirror without children, so that `dump` shows nothing either.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
