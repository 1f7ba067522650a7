/// Which of an answer's texts a piece belongs to. Each is a text of its own: a token never reaches from one into another.
public enum TextChannel: UInt8, Sendable {
  /// The answer: `content`, or `text` of the older endpoint.
  case content
  /// What the model thinks before it answers: `reasoning_content` or `reasoning`, `thinking`.
  case reasoning
  /// Why it does not answer.
  case refusal
  /// A tool's name.
  case toolName
  /// A tool's arguments.
  case toolArguments
}

/// A piece of text in a chunk: whose it is and where it stands.
public struct ChunkText: Equatable, Sendable {
  /// The choice's `index`.
  public internal(set) var choice: Int32
  /// The tool call's place in the choice; 0 for other channels.
  public internal(set) var part: Int32
  /// Which text of the choice.
  public let channel: TextChannel
  /// Where it stands; never empty.
  public let text: JSONStringRange
}

/// The pieces of text of one chunk, in their order. Nearly always there is one, and that one costs no allocation.
public struct ChunkTexts: Equatable, Sendable {
  private var first: ChunkText?
  private var others: [ChunkText] = []

  init() {}

  /// How many there are.
  public var count: Int { first == nil ? 0 : 1 &+ others.count }

  /// Calls `body` with each.
  @inline(__always)
  public func forEach(_ body: (ChunkText) -> Void) {
    guard let first else { return }
    body(first)
    for text in others { body(text) }
  }

  /// The first piece of a channel.
  public func first(of channel: TextChannel) -> JSONStringRange? {
    if let first, first.channel == channel { return first.text }
    return others.first { $0.channel == channel }?.text
  }

  /// The part that the last piece belongs to; 0 without any.
  public var lastPart: Int { Int((others.last ?? first)?.part ?? 0) }

  mutating func append(_ text: ChunkText) {
    if first == nil { first = text } else { others.append(text) }
  }

  /// Takes out those at these places, which stand elsewhere a second time.
  @inline(never)
  mutating func remove(_ places: Range<Int>) {
    guard !places.isEmpty else { return }
    if places.lowerBound == 0 {
      others.removeSubrange(..<(places.upperBound &- 1))
      first = others.isEmpty ? nil : others.removeFirst()
    } else {
      others.removeSubrange((places.lowerBound &- 1)..<(places.upperBound &- 1))
    }
  }

  /// Changes all from `start` on: what they belong to may stand behind them.
  mutating func update(from start: Int, _ change: (inout ChunkText) -> Void) {
    if start == 0, var text = first {
      change(&text)
      first = text
    }
    for index in others.indices.dropFirst(max(0, start &- 1)) { change(&others[index]) }
  }
}
