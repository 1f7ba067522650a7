/// The model that a path names, where the endpoint is not the gateway's own: `/v1/models/M:generateContent` (Gemini),
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

  /// What Google's endpoints do with a model is written in camel case.
  private static func isCall(_ text: Substring) -> Bool {
    text == "predict" || text.contains { $0.isUppercase }
  }

  private static func decoded(_ segment: Substring) -> String {
    PercentEncoding.decode(Array(segment.utf8).span.bytes)
  }
}
