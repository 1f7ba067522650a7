public import ChatProtocol

/// Counts an answer as it passes: a counter for each text of each choice (content, reasoning, refusal, each tool call's name and arguments),
/// because a token never reaches from one into another.
///
/// Counting costs no allocation per event; a text costs one when it begins.
public struct AnswerCounter: Sendable {
  /// Texts that are counted apart; what a hostile upstream opens beyond them is counted into the last.
  public static let textsMax = 512

  private struct Text: Sendable {
    let choice: Int32
    let part: Int32
    let channel: TextChannel
    var counter: TextCounter
    private var tags: ThoughtTags
    /// Tokens of the thought inside the text, once its end is known.
    private(set) var thought = 0

    init(_ piece: ChunkText, _ measure: TokenMeasure) {
      choice = piece.choice
      part = piece.part
      channel = piece.channel
      counter = TextCounter(measure)
      tags = ThoughtTags(isDone: piece.channel != .content)
    }

    @inline(__always)
    func takes(_ text: ChunkText) -> Bool { choice == text.choice && part == text.part && channel == text.channel }

    @inline(__always)
    mutating func take(_ string: JSONStringRange, in document: RawSpan) {
      if tags.isDone { return counter.append(string, in: document) }
      var tags = tags
      var thought = thought
      counter.append(string, in: document) { counter, part in
        guard let end = tags.endOfThought(in: part) else { return counter.append(part) }
        // Counted up to there, and on: the text stays one.
        counter.append(part.extracting(0..<end))
        thought = counter.provisional()
        counter.append(part.extracting(end..<part.byteCount))
      }
      self.tags = tags
      self.thought = thought
    }
  }

  private let measure: TokenMeasure
  private let invisible: InvisibleTokens
  private var texts: [Text] = []
  /// The text that the last piece went to: nearly always the next one goes there too.
  private var current = 0
  /// Tokens that nothing can take away, over all texts.
  public private(set) var closed = 0
  /// Bytes seen that `closed` does not cover.
  public private(set) var openBytes = 0

  /// A counter at the start of an answer.
  public init(_ measure: TokenMeasure, invisible: InvisibleTokens = InvisibleTokens()) {
    self.measure = measure
    self.invisible = invisible
  }

  /// Counts a piece of text that stands in `document`.
  public mutating func take(_ piece: ChunkText, in document: RawSpan) {
    if current >= texts.count || !texts[current].takes(piece) { select(piece) }
    closed &-= texts[current].counter.closed
    openBytes &-= texts[current].counter.openBytes
    texts[current].take(piece.text, in: document)
    closed &+= texts[current].counter.closed
    openBytes &+= texts[current].counter.openBytes
  }

  /// Counts all texts of a chunk.
  @inline(__always)
  public mutating func take(_ fields: ChunkFields, in document: RawSpan) {
    fields.texts.forEach { take($0, in: document) }
  }

  /// Tokens that have passed for certain: bytes that are still open are one at least.
  @inline(__always)
  public var certain: Int { closed &+ (openBytes > 0 ? 1 : 0) }

  /// Tokens of all texts as they stand, as if each ended here: never less than ``closed``. Costs more than `closed`, which is a stored number.
  public func provisional() -> Int {
    var count = 0
    for text in texts { count &+= text.counter.provisional() }
    return count
  }

  /// The answer so far.
  ///
  /// - Parameter finishedChoices: how many choices are whole; their invisible tokens count.
  public func tally(finishedChoices: Int) -> AnswerTally {
    var tally = AnswerTally(source: measure.source)
    for text in texts {
      var counter = text.counter
      let count = counter.finish()
      tally.completion &+= count
      switch text.channel {
      case .reasoning: tally.reasoning &+= count
      case .content: tally.reasoning &+= text.thought
      case .toolName: if finishedChoices > 0 { tally.completion &+= invisible.toolCall }
      case .refusal, .toolArguments: break
      }
    }
    guard finishedChoices > 0 else { return tally }
    tally.completion &+= invisible.answer &* finishedChoices
    if tally.reasoning > 0 { tally.completion &+= invisible.reasoning &* finishedChoices }
    return tally
  }

  private mutating func select(_ piece: ChunkText) {
    if let known = texts.firstIndex(where: { $0.takes(piece) }) {
      current = known
    } else if texts.count < Self.textsMax {
      current = texts.count
      texts.append(Text(piece, measure))
    } else {
      current = texts.count &- 1
    }
  }
}

/// Tokens that an upstream counts and no client sees, declared for a model.
public struct InvisibleTokens: Equatable, Sendable {
  /// At the end of each answer: the end-of-sequence token.
  public var answer: Int
  /// Around an answer's reasoning: `</think>` and its like.
  public var reasoning: Int
  /// Around each tool call.
  public var toolCall: Int

  /// None, or those given.
  public init(answer: Int = 0, reasoning: Int = 0, toolCall: Int = 0) {
    self.answer = answer
    self.reasoning = reasoning
    self.toolCall = toolCall
  }
}

/// What was counted of an answer.
public struct AnswerTally: Equatable, Sendable {
  /// Exact or estimated.
  public var source: TokenSource
  /// All tokens, reasoning included.
  public var completion = 0
  /// Those of them that were reasoning.
  public var reasoning = 0

  /// Nothing counted.
  public init(source: TokenSource) { self.source = source }
}
