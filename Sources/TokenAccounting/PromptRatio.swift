/// How many tokens a body's bytes have, learned from prompts whose tokens were told or counted: what a long prompt is taken for where its limits have so
/// much left that nobody needs its count.
///
/// It follows a dearer prompt at once and a cheaper one slowly: taken for too much a prompt waits for room that it does not need, taken for too little it
/// takes what others were promised.
public struct PromptRatio: Equatable, Sendable {
  /// Shorter bodies teach nothing: they are mostly frame.
  public static let teachingBytesMin = 1024
  /// By how much one cheaper prompt brings it down.
  private static let descent = 1.0 / 16

  private var tokensPerByte: Double

  /// As the first prompt says; nil if it says nothing.
  public init?(tokens: Int, bytes: Int) {
    guard let seen = Self.ratio(tokens, bytes) else { return nil }
    tokensPerByte = seen
  }

  /// Learns from a prompt.
  public mutating func learn(tokens: Int, bytes: Int) {
    guard let seen = Self.ratio(tokens, bytes) else { return }
    tokensPerByte = max(seen, tokensPerByte + (seen - tokensPerByte) * Self.descent)
  }

  /// What a body of so many bytes is taken for.
  public func tokens(ofBytes bytes: Int) -> Int {
    Int((Double(min(max(0, bytes), Self.bytesMax)) * tokensPerByte).rounded(.up))
  }

  /// The most that it is taken to have: no text has more tokens than bytes, but pictures and files that stand in it as addresses may.
  public func tokensMax(ofBytes bytes: Int) -> Int { max(min(max(0, bytes), Self.bytesMax), tokens(ofBytes: bytes)) }

  private static let bytesMax = 1 << 32
  private static let ratioMax = 256.0

  private static func ratio(_ tokens: Int, _ bytes: Int) -> Double? {
    guard tokens > 0, bytes >= teachingBytesMin else { return nil }
    return min(ratioMax, Double(tokens) / Double(bytes))
  }
}
