public import ChatProtocol
public import TokenAccounting

/// Counts what passes, and keeps what the upstream tells of it.
public struct AnswerMeter: Sendable {
  /// Counts texts; nil when the model is not counted.
  public private(set) var counter: AnswerCounter?
  /// What the upstream has told of its usage so far.
  public private(set) var usage: TokenUsage?
  /// Whether it was told with the end of the answer or behind it.
  public private(set) var isUsageFinal = false
  /// Events that a client is told of.
  public private(set) var eventCount = 0

  init(_ counter: AnswerCounter?) { self.counter = counter }

  @inline(__always)
  mutating func began() { eventCount &+= 1 }

  @inline(__always)
  mutating func take(_ fields: ChunkFields, in data: RawSpan) { counter?.take(fields, in: data) }

  /// Tokens of the answer so far: to the last near a limit, else those that nothing can take away.
  @inline(__always)
  func seen(toTheLast: Bool) -> Int {
    // The counter is asked in place: a copy of it would count references at each event.
    (toTheLast ? counter?.provisional() : counter?.certain) ?? 0
  }

  /// Usage may come with any event: each report takes the place of those before, as far as it is larger. It covers the whole answer when every
  /// choice is finished by then, or when it stands on a chunk of its own behind one that is.
  mutating func take(_ usage: TokenUsage, isFinal: Bool) {
    if self.usage == nil { self.usage = usage } else { self.usage?.merge(usage) }
    if isFinal { isUsageFinal = true }
  }
}
