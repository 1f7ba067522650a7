internal import ChatProtocol

/// The model that a path or query names, where the endpoint is not the gateway's own: `/v1/models/M:generateContent` (Gemini),
/// `…/publishers/google/models/M:rawPredict` (Vertex), `/v1/engines/M/completions` (OpenAI, formerly), `/v1/deployments/M/…` (Azure).
enum PathModel {
  /// Segments behind which a model stands.
  private static let owners: Set<String> = ["models", "model", "engines", "deployments", "tunedmodels"]

  /// The names by which the path may mean a model; empty when it names none. Several where a colon may belong to the name or begin a call.
  static func names(in path: String) -> [String] {
    let segments = path.split(separator: "/", omittingEmptySubsequences: true)
    var names: [String] = []
    for (owner, segment) in zip(segments, segments.dropFirst()) where owners.contains(decoded(owner).lowercased()) {
      let text = decoded(segment)
      if let colon = text.lastIndex(of: ":"),
        text[text.index(after: colon)...].allSatisfy({ $0.isASCII && $0.isLetter }),
        isCall(text[text.index(after: colon)...])
      {
        names.append(String(text[..<colon]))
      } else {
        names.append(text)
      }
    }
    return names.filter { !$0.isEmpty }
  }

  /// What a query says of models: LiteLLM's endpoints take `?model=` before the body's. Nil when it names none.
  static func named(inQuery target: [UInt8]) -> (models: [String], member: ModelNamingMember?)? {
    guard let mark = target.firstIndex(of: UInt8(ascii: "?")) else { return nil }
    var models: [String] = []
    var member: ModelNamingMember?
    let query = String(decoding: target[(mark + 1)...], as: UTF8.self)
    for part in query.split(whereSeparator: { $0 == "&" || $0 == ";" }) {
      let name = PercentEncoding.decode(form: part.prefix { $0 != "=" })
      switch LenientName(Array(name.utf8)) {
      case .model: models.append(PercentEncoding.decode(form: part.drop { $0 != "=" }.dropFirst()))
      case .naming(let other): member = member ?? other
      case .other: break
      }
    }
    return models.isEmpty && member == nil ? nil : (models, member)
  }

  /// What Google's endpoints do with a model is written in camel case.
  private static func isCall(_ text: Substring) -> Bool {
    text == "predict" || text.contains { $0.isUppercase }
  }

  private static func decoded(_ segment: Substring) -> String {
    PercentEncoding.decode(Array(segment.utf8).span.bytes)
  }
}
