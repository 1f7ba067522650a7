internal import GatewayConfiguration

// A consumer is named by its place in ``GatewaySettings/consumers``; nil is the anonymous one, who may use every model.

extension RouteTable {
  /// Whether the consumer may ask for the route's name: its list has the name, or the entry that took it (for an alias or a pattern), or
  /// a prefix of either.
  public func mayUse(_ consumer: Int?, _ route: Route) -> Bool {
    guard let access = access(of: consumer) else { return true }
    if access.allows(route.publicName) { return true }
    return route.modelIndex.map { access.allows(settings.models[$0].name) } ?? false
  }

  /// Whether there are models that the consumer may not use.
  public func isRestricted(_ consumer: Int?) -> Bool { access(of: consumer)?.isRestricted ?? false }

  /// The route's candidates without fallbacks to models that the consumer may not use.
  public func candidates(of route: Route, for consumer: Int?) -> [Candidate] {
    guard let access = access(of: consumer) else { return route.candidates }
    func isAllowed(_ candidate: Candidate) -> Bool {
      guard let index = candidate.modelIndex, index != route.modelIndex else { return true }
      return access.allows(settings.models[index].name)
    }
    // Nearly always all are allowed, and then nothing is copied.
    return route.candidates.allSatisfy(isAllowed) ? route.candidates : route.candidates.filter(isAllowed)
  }

  /// The models that `/v1/models` shows the consumer: exact names and aliases it may use in file order, then names of its own list that a
  /// pattern or `provider/model` takes. A pattern itself is no name that could be asked for.
  public func visibleModels(to consumer: Int?) -> [ModelListing] {
    let known = exactRoutes.filter { mayUse(consumer, $0) }.map(listing(of:))
    guard let access = access(of: consumer) else { return known }
    let names = Set(known.map(\.id)).union(settings.models.map(\.name))
    return known + access.exactNames.filter { !names.contains($0) }.compactMap { resolve($0).map(listing(of:)) }
  }

  /// What `/v1/models/{id}` shows for a route.
  public func listing(of route: Route) -> ModelListing {
    if let index = route.modelIndex {
      return ModelListing(id: route.publicName, ownedBy: settings.models[index].ownedBy)
    }
    let upstream = route.candidates.first.map { settings.upstreams[$0.upstreamIndex].name }
    return ModelListing(id: route.publicName, ownedBy: upstream ?? "sluice")
  }

  /// The names nearest to an unknown one, of those the consumer may use, so that an answer tells nobody more than `/v1/models` does.
  public func nearestNames(to name: String, for consumer: Int?, limit: Int = 3) -> [String] {
    nearNames.nearest(to: name, limit: limit) { mayUse(consumer, exactRoutes[$0]) }.map { exactRoutes[$0].publicName }
  }

  /// Nil for the anonymous consumer. A place that does not exist may use nothing.
  private func access(of consumer: Int?) -> ModelAccess? {
    guard let consumer else { return nil }
    return access.indices.contains(consumer) ? access[consumer] : ModelAccess([])
  }
}
