internal import ChatProtocol
internal import GatewayConfiguration
internal import HTTPWire
internal import Routing

/// Where a request goes: by the model that its body names, or by a configured route.
extension RequestImage {
  /// The body is complete: finds the model and the candidates, and keeps it.
  mutating func route(_ body: UnsafeRawBufferPointer, _ snapshot: GatewaySnapshot) throws(GatewayError) {
    self.body = .copy(body, try findRoute(body, snapshot))
  }

  /// Asks `routes` for a path that is not, or not always, routed by its body; the error when nothing can come of it.
  mutating func judgePath(_ range: Range<Int>, _ bytes: RawSpan, _ snapshot: GatewaySnapshot) -> GatewayError? {
    let query = PathModel.named(inQuery: target)
    // Where the body names the model, nothing else may.
    if surface != .byRoute, let query { return .modelInQuery(query.member?.rawValue ?? "model") }
    guard !surface.requiresModel else { return nil }
    let needsRoute = surface == .byRoute || method != .post
    guard needsRoute || !snapshot.pathRoutes.isEmpty else { return nil }
    let path = bytes.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    pathVerdict = snapshot.pathRoutes.find(method, path: path, consumer: consumerName)
    guard needsRoute else { return nil }
    if case .route = pathVerdict {
      guard surface == .byRoute else { return nil }
      pathModels = PathModel.names(in: path) + (query?.models ?? [])
      do throws(GatewayError) { try judge(query?.member, tools: nil, bytes, snapshot) } catch { return error }
      return nil
    }
    return noRoute
  }

  /// Why there is no way by path.
  private var noRoute: GatewayError {
    guard pathVerdict != .notForConsumer else { return .routeNotAllowed }
    return .noRoute(method, path, namesNoModel: surface != .byRoute && method == .post)
  }

  private mutating func findRoute(
    _ body: UnsafeRawBufferPointer, _ snapshot: GatewaySnapshot
  ) throws(GatewayError) -> BodyFindings {
    switch (surface, content) {
    case (.byRoute, _): return try routeByPath(body, snapshot)
    case (.jsonByModel, .form(let boundary)), (.multipartByModel, .form(let boundary)):
      return try routeByForm(body, boundary, snapshot)
    case (.multipartByModel, _):
      guard Self.beginsObject(body) else { throw .noForm }
      return try routeByObject(body, snapshot)
    default:
      if body.isEmpty, !surface.requiresModel, method != .post {
        try goByPath(snapshot)
        return .opaque
      }
      return try routeByObject(body, snapshot)
    }
  }

  // MARK: By body

  private mutating func routeByObject(
    _ body: UnsafeRawBufferPointer, _ snapshot: GatewaySnapshot
  ) throws(GatewayError) -> BodyFindings {
    let span = body.bytes
    let fields: RequestFields
    do throws(JSONScanError) {
      fields = try RequestScanner.scan(span, acting: surface.fields)
    } catch { throw .invalidJSON(error) }
    wantsStream = fields.isStream
    wantsUsage = fields.asksForUsage
    choiceCount = fields.choiceCount
    generatedCount = fields.generatedCount
    tokensMax = fields.tokensMax
    try judge(fields.otherModels, tools: fields.tools, span, snapshot)
    guard let model = fields.model, !model.isEmpty else {
      if surface.requiresModel { throw .noModel }
      try goByPath(snapshot)
      return .json(fields)
    }
    try route(to: model, in: span, snapshot)
    return .json(fields)
  }

  private mutating func routeByForm(
    _ body: UnsafeRawBufferPointer, _ boundary: [UInt8], _ snapshot: GatewaySnapshot
  ) throws(GatewayError) -> BodyFindings {
    let fields: MultipartFields
    do throws(MultipartError) {
      fields = try MultipartScanner.scan(body.bytes, boundary: boundary)
    } catch { throw .invalidForm(error) }
    try judge(fields.otherModels, tools: nil, body.bytes, snapshot)
    if let range = fields.model, !range.isEmpty {
      try route(to: body.bytes.extracting(range), snapshot)
    } else {
      try goByPath(snapshot)
    }
    return .multipart(fields)
  }

  private mutating func route(
    to model: JSONStringRange, in body: RawSpan, _ snapshot: GatewaySnapshot
  ) throws(GatewayError) {
    guard model.hasEscapes else { return try route(to: body.extracting(model.contents), snapshot) }
    var name: [UInt8] = []
    model.appendText(in: body, to: &name)
    try route(to: name.span.bytes, snapshot)
  }

  /// Models beside the one that is asked for are not those that rights and limits are judged by.
  private func judge(
    _ member: ModelNamingMember?, tools: Range<Int>?, _ body: RawSpan, _ snapshot: GatewaySnapshot
  ) throws(GatewayError) {
    guard member != nil || tools != nil else { return }
    let isRestricted = snapshot.routes.isRestricted(consumer)
    if let member, isRestricted || snapshot.limitsByModel {
      throw .otherModels(member.rawValue, isRestricted: isRestricted)
    }
    if isRestricted, ModelNamingMember.isNamed(byTools: tools, in: body) {
      throw .otherModels("tools", isRestricted: true)
    }
  }

  private mutating func route(to name: RawSpan, _ snapshot: GatewaySnapshot) throws(GatewayError) {
    guard let route = snapshot.routes.resolve(name) else {
      // An endpoint that has a route knows models that are not the gateway's.
      if case .route = pathVerdict, !snapshot.routes.isRestricted(consumer) { return try goByPath(snapshot) }
      throw unknownModel(name, snapshot)
    }
    guard snapshot.routes.mayUse(consumer, route) else {
      throw .modelNotAllowed(route.publicName, consumer: consumerName)
    }
    // Only a pattern takes any name, a key as well.
    if !route.isListed, isKey(route.publicName, snapshot) { throw unknownModel(name, snapshot) }
    model = route.publicName
    candidates = snapshot.routes.candidates(of: route, for: consumer)
    if surface == .byRoute { keepToRoute(route, snapshot) }
  }

  private func unknownModel(_ name: RawSpan, _ snapshot: GatewaySnapshot) -> GatewayError {
    unknownModel(name.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }, snapshot)
  }

  /// There is no such model for the caller. A key in the place of its name is not told back.
  func unknownModel(_ name: String, _ snapshot: GatewaySnapshot) -> GatewayError {
    let text = String(decoding: name.utf8.prefix(RouteTable.nameBytesMax), as: UTF8.self)
    if isKey(text, snapshot) { return .unknownModel(CredentialShield.blank, nearest: []) }
    return .unknownModel(text, nearest: snapshot.routes.nearestNames(to: text, for: consumer))
  }

  /// Whether a name is the client's key, or a consumer's.
  func isKey(_ name: String, _ snapshot: GatewaySnapshot) -> Bool {
    snapshot.identities.isKey(name) || unknownKey.map { $0 == IdentityTable.digest(of: name) } ?? false
  }

  // MARK: By path or query

  private mutating func routeByPath(
    _ body: UnsafeRawBufferPointer, _ snapshot: GatewaySnapshot
  ) throws(GatewayError) -> BodyFindings {
    try goByPath(snapshot)
    let isRestricted = snapshot.routes.isRestricted(consumer)
    for name in pathModels {
      let bytes = Array(name.utf8)
      try route(to: bytes.span.bytes, snapshot)
    }
    guard !body.isEmpty else { return .opaque }
    let findings: BodyFindings
    if Self.beginsObject(body), !isRestricted || content == .json {
      findings = try readObject(body, isRestricted: isRestricted, snapshot)
    } else if case .form(let boundary) = content {
      findings = try readForm(body, boundary, isRestricted: isRestricted, snapshot)
    } else if isRestricted {
      throw .unreadableBody
    } else {
      return .opaque
    }
    // Where the path names the model, the body stays as it is.
    return pathModels.isEmpty ? findings : .opaque
  }

  /// The object in the body of an endpoint that is not known. One that cannot be read is not ours to refuse, unless its model is to be judged.
  private mutating func readObject(
    _ body: UnsafeRawBufferPointer, isRestricted: Bool, _ snapshot: GatewaySnapshot
  ) throws(GatewayError) -> BodyFindings {
    let fields: RequestFields
    do throws(JSONScanError) {
      fields = try RequestScanner.scan(body.bytes, acting: surface.fields)
    } catch {
      switch error.reason {
      case .duplicateKey, .otherCase: throw .invalidJSON(error)
      default:
        if isRestricted { throw .invalidJSON(error) }
        return .opaque
      }
    }
    try judge(fields.otherModels, tools: nil, body.bytes, snapshot)
    guard let model = fields.model, !model.isEmpty else { return .opaque }
    guard pathModels.isEmpty else {
      try judgeBesidePath(model, in: body.bytes, snapshot)
      return .opaque
    }
    try route(to: model, in: body.bytes, snapshot)
    return .json(fields)
  }

  private mutating func readForm(
    _ body: UnsafeRawBufferPointer, _ boundary: [UInt8], isRestricted: Bool, _ snapshot: GatewaySnapshot
  ) throws(GatewayError) -> BodyFindings {
    let fields: MultipartFields
    do throws(MultipartError) {
      fields = try MultipartScanner.scan(body.bytes, boundary: boundary)
    } catch {
      switch error {
      case .duplicateField, .otherSpelling: throw .invalidForm(error)
      default:
        if isRestricted { throw .invalidForm(error) }
        return .opaque
      }
    }
    try judge(fields.otherModels, tools: nil, body.bytes, snapshot)
    guard let range = fields.model, !range.isEmpty, pathModels.isEmpty else { return .opaque }
    try route(to: body.bytes.extracting(range), snapshot)
    return .multipart(fields)
  }

  /// Gemini's bodies may name the path's model once more, as `models/NAME`.
  private func judgeBesidePath(
    _ model: JSONStringRange, in body: RawSpan, _ snapshot: GatewaySnapshot
  ) throws(GatewayError) {
    guard snapshot.routes.isRestricted(consumer) else { return }
    let text = model.text(in: body)
    let name = text.hasPrefix("models/") ? String(text.dropFirst(7)) : text
    guard pathModels.contains(name) else { throw .modelNotAllowed(name, consumer: consumerName) }
  }

  private mutating func goByPath(_ snapshot: GatewaySnapshot) throws(GatewayError) {
    guard case .route(let index) = pathVerdict else { throw noRoute }
    candidates = [
      Candidate(upstreamIndex: snapshot.pathRoutes[index].upstream, upstreamModel: nil, modelIndex: nil)
    ]
  }

  /// Of a model's ways those to the route's upstream; where there is none, the name goes there as it is.
  private mutating func keepToRoute(_ route: Route, _ snapshot: GatewaySnapshot) {
    guard case .route(let index) = pathVerdict else { return }
    let upstream = snapshot.pathRoutes[index].upstream
    candidates = candidates.filter { $0.upstreamIndex == upstream && $0.modelIndex == route.modelIndex }
    guard candidates.isEmpty || !pathModels.isEmpty else { return }
    candidates = [Candidate(upstreamIndex: upstream, upstreamModel: nil, modelIndex: route.modelIndex)]
  }

  /// Whether a body looks like a JSON object.
  private static func beginsObject(_ body: UnsafeRawBufferPointer) -> Bool {
    body.first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D } == UInt8(ascii: "{")
  }
}
