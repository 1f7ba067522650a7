public import ChatProtocol

/// What has been read of an answer's events so far.
public struct AnswerFindings: Sendable {
  /// Content, reasoning, a tool call or a refusal has been seen: what is forwarded from here on cannot be replayed.
  public internal(set) var hasProgress = false
  /// Something other than beginnings (role, comments, events that announce) has been seen: what was held back may go.
  public internal(set) var hasSubstance = false
  /// The upstream reported an error inside the stream.
  public internal(set) var hasError = false
  /// Whether the last read brought progress.
  public internal(set) var progressed = false
  /// `[DONE]` has been released.
  public internal(set) var isDone = false
  /// The choices that have their `finish_reason`.
  @usableFromInline var finishedChoices = ChoiceSet()
  /// An answer has begun whose end will be told.
  public internal(set) var awaitsEnd = false
  /// The most that any of it is, by what a failure could still be followed by.
  @usableFromInline var part = Delivered.nothing

  /// Nothing has been read.
  public init() {}

  /// How many choices are whole.
  public var finishedCount: Int { finishedChoices.count }

  /// Whether a choice has its `finish_reason`.
  public func isFinished(choice: Int) -> Bool {
    finishedChoices.contains(choice)
  }

  /// Whether the answer to a request for `count` choices is whole: as many have their `finish_reason`, or at least one and `[DONE]`, for
  /// many upstreams know only one choice. `[DONE]` alone is no success.
  @inlinable @inline(__always) public func isWhole(choices count: Int) -> Bool {
    // Nearly always none is, and nothing has to be counted.
    isDone || !finishedChoices.isEmpty && finishedChoices.count >= min(max(count, 1), 128)
  }

  /// What the client has once all of it is released.
  @inlinable @inline(__always) public func delivered(choices count: Int) -> Delivered {
    if isWhole(choices: count) { return .finished }
    return count > 1 && part > .reasoning ? .structured : part
  }

  @inline(__always)
  mutating func note(_ fields: ChunkFields) {
    if fields.hasError {
      hasError = true
      hasSubstance = true
    }
    if fields.hasProgress {
      hasProgress = true
      progressed = true
      hasSubstance = true
      // Text of the one choice is what nearly every event brings.
      if part != .structured { note(partOf: fields) }
    }
    if fields.finishedCount > 0 {
      finishedChoices.formUnion(fields.finishedChoices)
      hasSubstance = true
    }
  }

  @inline(__always)
  private mutating func note(partOf fields: ChunkFields) {
    let isPlain = !fields.hasToolCalls && !fields.hasRefusal && !fields.hasLogprobs
    let now: Delivered =
      !isPlain ? .structured : fields.hasContent ? .text : fields.hasReasoning ? .reasoning : .structured
    part = max(part, now)
  }
}
