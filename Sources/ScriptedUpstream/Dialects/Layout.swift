/// The order of a stream's events: rows of tokens, and before each row the frames that a dialect puts there.
///
/// Frames and tokens are numbered on their own, each from 0 through all rows. Rows are few, tokens many: what stands at
/// an index is found by looking through the rows.
struct Layout: Sendable, Equatable {
  /// What stands at an index.
  enum Item: Equatable {
    case frame(Int)
    case token(Int)
  }

  private struct Row: Equatable {
    let frames: Int
    let tokens: Int
    /// Frames and tokens of the rows before.
    let framesBefore: Int
    let tokensBefore: Int

    var start: Int { framesBefore + tokensBefore }
    var end: Int { start + frames + tokens }
  }

  private var rows: [Row] = []
  /// How many frames there are.
  private(set) var frameCount = 0
  /// How many tokens there are.
  private(set) var tokenCount = 0

  /// How many events there are.
  var count: Int { frameCount + tokenCount }
  /// How many frames stand before the first row's tokens.
  var leadingCount: Int { rows.first?.frames ?? 0 }

  /// Adds `tokens` tokens with `frames` frames before them.
  mutating func append(frames: Int, tokens: Int) {
    rows.append(Row(frames: frames, tokens: tokens, framesBefore: frameCount, tokensBefore: tokenCount))
    frameCount += frames
    tokenCount += tokens
  }

  /// What stands at `index`, which must be below `count`.
  func item(_ index: Int) -> Item {
    for row in rows where index < row.end {
      let position = index - row.start
      if position < row.frames { return .frame(row.framesBefore + position) }
      return .token(row.tokensBefore + position - row.frames)
    }
    return .frame(frameCount)
  }

  /// Where token `token` stands; `count` if there is none such.
  func index(ofToken token: Int) -> Int {
    for row in rows where token < row.tokensBefore + row.tokens {
      return row.start + row.frames + token - row.tokensBefore
    }
    return count
  }

  /// Where frame `frame` stands; `count` if there is none such.
  func index(ofFrame frame: Int) -> Int {
    for row in rows where frame < row.framesBefore + row.frames { return row.start + frame - row.framesBefore }
    return count
  }

  /// How many tokens stand before `index`.
  func tokens(before index: Int) -> Int {
    var tokens = 0
    for row in rows where index > row.start { tokens += min(row.tokens, max(0, index - row.start - row.frames)) }
    return tokens
  }
}
