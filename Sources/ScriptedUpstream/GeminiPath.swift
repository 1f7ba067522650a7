/// A path of Gemini's own endpoint, where model and method stand in the path: `/v1/models/{model}:generateContent`.
struct GeminiPath {
  let model: String
  let isStream: Bool

  private static let prefix = "/v1/models/"

  /// Reads a path; nil if it is another endpoint's.
  init?(_ path: String) {
    guard path.hasPrefix(Self.prefix) else { return nil }
    for (method, isStream) in [(":streamGenerateContent", true), (":generateContent", false)]
    where path.hasSuffix(method) {
      model = String(path.dropFirst(Self.prefix.count).dropLast(method.count))
      self.isStream = isStream
      return
    }
    return nil
  }
}
