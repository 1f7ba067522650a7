/// An endpoint that the gateway does not know itself and that is passed through to one upstream.
public struct RouteSettings: Sendable, Equatable {
  /// Methods of a route that lists none.
  public static let methodsDefault = ["GET", "POST", "PUT", "PATCH", "DELETE"]

  /// Which request paths it takes.
  public var path: RoutePath
  /// The upstream's name.
  public var upstream: String
  /// The methods it takes, upper case.
  public var methods: [String]
  /// The consumers that it is for, by name; nil: all.
  public var consumers: [String]?

  /// A route from its parts.
  public init(
    path: RoutePath, upstream: String, methods: [String] = RouteSettings.methodsDefault, consumers: [String]? = nil
  ) {
    self.path = path
    self.upstream = upstream
    self.methods = methods
    self.consumers = consumers
  }
}

/// Which request paths a route takes. Both begin with a slash and hold no `.` or `..` segment, no `//`, `%`, `;` or `?`.
public enum RoutePath: Sendable, Equatable {
  /// This path alone.
  case exact(String)
  /// This path and everything below it: `/v1/files` takes `/v1/files/abc`, and not `/v1/filesystem`.
  case prefix(String)

  /// Whether the request path (without query) is taken.
  public func takes(_ requestPath: String) -> Bool {
    switch self {
    case .exact(let path): return requestPath == path
    case .prefix(let path):
      guard requestPath.hasPrefix(path) else { return false }
      return path.hasSuffix("/") || requestPath.utf8.count == path.utf8.count
        || requestPath.utf8.dropFirst(path.utf8.count).first == UInt8(ascii: "/")
    }
  }
}
