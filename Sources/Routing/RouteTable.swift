public import GatewayConfiguration

/// Tells where a model's requests go. Made once for each configuration; immutable.
///
/// A name is looked for in this order, and the first that takes it wins:
/// 1. exact names, 2. aliases, 3. `provider/model` where the part before the first slash names an upstream, or a provider's preset that an
/// upstream uses, 4. the longest prefix, 5. regular expressions in file order.
///
/// The first two are one look into a table by bytes and allocate nothing. The others make a ``Route`` for the request; nothing of what
/// a client asks for is kept.
public final class RouteTable: Sendable {
  /// Bytes of a model name; longer ones are unknown.
  public static let nameBytesMax = 256

  let settings: GatewaySettings
  private let routes: [Route]
  private let routesByName: NameTable
  private let upstreamsByName: NameTable
  /// Places of prefix models, longest prefix first.
  private let prefixes: [(prefix: [UInt8], modelIndex: Int)]
  private let patterns: [(pattern: ModelPattern, modelIndex: Int)]
  /// For each model, what follows for a name that a pattern took.
  private let candidatesOfModel: [[Candidate]]
  /// For words about a name that nobody knows.
  let nearNames: NearNames
  /// For each consumer.
  let access: [ModelAccess]

  /// Builds the table.
  public init(_ settings: GatewaySettings) throws(RoutingError) {
    self.settings = settings
    let builder = CandidateBuilder(settings)
    var candidates: [[Candidate]] = []
    var prefixes: [(prefix: [UInt8], modelIndex: Int)] = []
    var patterns: [(pattern: ModelPattern, modelIndex: Int)] = []
    var named: [Route] = []
    var aliased: [Route] = []
    for (index, model) in settings.models.enumerated() {
      candidates.append(try builder.candidates(of: index, sendsOwnName: false))
      switch model.match {
      case .exact:
        named.append(Route(publicName: model.name, modelIndex: index, candidates: candidates[index], isListed: true))
      case .prefix(let prefix): prefixes.append((Array(prefix.utf8), index))
      case .regex(let text):
        guard let pattern = try? ModelPattern(text) else { throw .invalidPattern(model: model.name) }
        patterns.append((pattern, index))
      }
      let ways = try builder.candidates(of: index, sendsOwnName: model.match == .exact)
      aliased += model.aliases.map { Route(publicName: $0, modelIndex: index, candidates: ways, isListed: true) }
    }
    candidatesOfModel = candidates
    self.prefixes = prefixes.sorted { $0.prefix.count > $1.prefix.count }
    self.patterns = patterns
    routes = named + aliased
    routesByName = NameTable(routes.enumerated().map { ($1.publicName, $0) })
    nearNames = NearNames(routes.map(\.publicName))
    let upstreams = settings.upstreams.enumerated()
    upstreamsByName = NameTable(upstreams.map { ($1.name, $0) } + upstreams.map { ($1.provider.name, $0) })
    access = settings.consumers.map { ModelAccess($0.models) }
  }

  /// Where requests for the name go; nil for an unknown name.
  public func resolve(_ name: RawSpan) -> Route? {
    guard name.byteCount > 0, name.byteCount <= Self.nameBytesMax else { return nil }
    if let place = routesByName[name] { return routes[place] }
    return name.withUnsafeBytes { resolveByParts($0) }
  }

  /// The same for a text.
  public func resolve(_ name: String) -> Route? {
    let bytes = Array(name.utf8)
    return resolve(bytes.span.bytes)
  }

  private func resolveByParts(_ name: UnsafeRawBufferPointer) -> Route? {
    if let slash = name.firstIndex(of: UInt8(ascii: "/")), slash + 1 < name.count {
      let owner = UnsafeRawBufferPointer(rebasing: name[..<slash])
      if let upstream = upstreamsByName[RawSpan(_unsafeBytes: owner)] {
        let way = Candidate(upstreamIndex: upstream, upstreamModel: Array(name[(slash + 1)...]), modelIndex: nil)
        return Route(publicName: String(decoding: name, as: UTF8.self), modelIndex: nil, candidates: [way])
      }
    }
    let place =
      prefixes.first { name.starts(with: $0.prefix) }?.modelIndex
      ?? ModelPattern.firstMatch(name, among: patterns.lazy.map(\.pattern)).map { patterns[$0].modelIndex }
    return place.map {
      Route(publicName: String(decoding: name, as: UTF8.self), modelIndex: $0, candidates: candidatesOfModel[$0])
    }
  }

  /// The name of the entry that took the route's name; nil for `provider/model`.
  public func modelName(of route: Route) -> String? { route.modelIndex.map { settings.models[$0].name } }

  /// Names that are asked for as they stand, aliases included, in file order.
  var exactRoutes: [Route] { routes }
}
