internal import GatewayConfiguration
internal import HTTPWire

/// The configuration's `routes`, ready to be asked. There is no other way to an endpoint that the gateway does not know: with it would go the operator's key.
struct PathRoutes: Sendable {
  /// A route in use.
  struct Entry: Sendable {
    /// As limits know it: the path or prefix.
    var name: String
    /// The place in the settings of where it leads.
    var upstream: Int
    fileprivate var path: RoutePath
    fileprivate var methods: Set<String>
    fileprivate var consumers: Set<String>?
  }

  /// What `routes` say of a request.
  enum Verdict: Equatable, Sendable {
    /// By this one.
    case route(Int)
    /// There is one, but not for the consumer.
    case notForConsumer
    /// There is none.
    case none
  }

  private let entries: [Entry]

  init(_ settings: GatewaySettings) {
    entries = settings.routes.compactMap { route in
      guard let upstream = settings.upstreams.firstIndex(where: { $0.name == route.upstream }) else { return nil }
      let name =
        switch route.path {
        case .exact(let text), .prefix(let text): text
        }
      return Entry(
        name: name, upstream: upstream, path: route.path, methods: Set(route.methods),
        consumers: route.consumers.map { Set($0) })
    }
  }

  /// Whether there are any.
  var isEmpty: Bool { entries.isEmpty }

  subscript(index: Int) -> Entry { entries[index] }

  /// The first route that takes method and path and is for the consumer.
  func find(_ method: HTTPMethod, path: String, consumer: String) -> Verdict {
    let method = method == .head ? "GET" : "\(method.name)"
    var isKnown = false
    for (index, entry) in entries.enumerated() where entry.methods.contains(method) && entry.path.takes(path) {
      if entry.consumers?.contains(consumer) ?? true { return .route(index) }
      isKnown = true
    }
    return isKnown ? .notForConsumer : .none
  }
}
