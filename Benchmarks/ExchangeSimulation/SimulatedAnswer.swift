import Lifecycle
import TestKit

/// A part of an answer that is counted and released as a whole.
enum UnitKind: UInt8 {
  case beginning, reasoning, text, structured
  /// Shows progress, and is held back until the next one goes.
  case unseen
  case finish, usage, lastWord

  /// Whether limits give something for it.
  var isSpent: Bool {
    switch self {
    case .reasoning, .text, .structured, .unseen: true
    case .beginning, .finish, .usage, .lastWord: false
    }
  }

  var delivered: Delivered {
    switch self {
    case .beginning: .beginnings
    case .reasoning: .reasoning
    case .text, .unseen: .text
    case .structured: .structured
    case .finish, .usage, .lastWord: .finished
    }
  }
}

/// A unit of one attempt's answer.
struct AnswerUnit {
  var kind: UnitKind
  var attempt: Int
  /// Its place in the attempt's answer.
  var index: Int
}

/// What an upstream does next, and how long after what it did before.
struct UpstreamMove {
  enum Kind {
    case head(isStream: Bool)
    /// A head that tells of a fault, or one whose first bytes do.
    case badHead(FaultClass, isJudgedLater: Bool)
    /// Bytes that say nothing.
    case blank
    /// One read: pieces of the answer, each of some units.
    case read([[AnswerUnit]], isLast: Bool)
    case fault(FaultClass)
  }

  var kind: Kind
  var delay: Int
}

/// Where in an attempt it fails.
public enum FaultPoint: UInt8, CaseIterable, Sendable {
  case leasing, sending, beforeHead, withHead, amongBeginnings, afterBeginnings, afterReasoning, afterText
  case afterStructured, afterFinish, beforeLastWord
}

/// What an upstream answers, from head to end; or to where it fails, stalls or ends too early.
enum SimulatedAnswer {
  static func random(attempt: Int, plan: ExchangePlan, _ generator: inout SeededGenerator) -> [UpstreamMove] {
    let isStream = generator.happens(95) == plan.isStream
    let unseen = generator.happens(20) ? 1...3 : 0...0
    var phases: [[UnitKind]] =
      isStream
      ? [
        some(.beginning, 0...7, &generator), some(.unseen, unseen, &generator), some(.reasoning, 0...3, &generator),
        some(.text, 0...4, &generator),
        some(.structured, 0...3, &generator), [.finish], some(.usage, 0...1, &generator),
        some(.lastWord, 0...1, &generator),
      ] : [[], [], [], some(.text, 1...4, &generator), some(.structured, 0...1, &generator), [.finish], [], []]
    var moves = opening(isStream, plan, &generator)
    guard generator.happens(plan.faults) else {
      append(phases, attempt, isLast: true, plan, &moves, &generator)
      return moves
    }
    let point = generator.int(in: -2...7)
    let fault = generator.fault(isEarly: point < 0, plan)
    if point == -2 { return [UpstreamMove(kind: .fault(fault), delay: generator.delay(plan))] }
    if point == -1 {
      return [
        UpstreamMove(
          kind: .badHead(fault, isJudgedLater: generator.happens(50)), delay: generator.delay(plan))
      ]
    }
    // An answer that fails behind its text has text, and so on.
    let needed: [UnitKind] = [.beginning, .unseen, .reasoning, .text, .structured, .finish, .usage, .lastWord]
    if phases[point].isEmpty && generator.happens(80) { phases[point] = [needed[point]] }
    phases.removeSubrange((point + 1)...)
    switch generator.int(in: 0...9) {
    case 0:  // Nothing comes any more.
      append(phases, attempt, isLast: false, plan, &moves, &generator)
    case 1:  // It ends properly, and too early.
      append(phases, attempt, isLast: true, plan, &moves, &generator)
    default:
      append(phases, attempt, isLast: false, plan, &moves, &generator)
      moves.append(UpstreamMove(kind: .fault(fault), delay: generator.delay(plan)))
    }
    return moves
  }

  private static func some(_ kind: UnitKind, _ range: ClosedRange<Int>, _ generator: inout SeededGenerator)
    -> [UnitKind]
  {
    Array(repeating: kind, count: generator.int(in: range))
  }

  private static func opening(
    _ isStream: Bool, _ plan: ExchangePlan, _ generator: inout SeededGenerator
  ) -> [UpstreamMove] {
    var moves = [UpstreamMove(kind: .head(isStream: isStream), delay: generator.delay(plan))]
    if generator.happens(20) {
      for _ in 0..<generator.int(in: 1...3) { moves.append(UpstreamMove(kind: .blank, delay: generator.delay(plan))) }
    }
    return moves
  }

  /// Units become pieces, pieces reads.
  private static func append(
    _ phases: [[UnitKind]], _ attempt: Int, isLast: Bool, _ plan: ExchangePlan, _ moves: inout [UpstreamMove],
    _ generator: inout SeededGenerator
  ) {
    var index = 0
    var pieces: [[AnswerUnit]] = []
    for kind in phases.joined() {
      if pieces.isEmpty { pieces.append([]) }
      pieces[pieces.count - 1].append(AnswerUnit(kind: kind, attempt: attempt, index: index))
      index += 1
      switch generator.int(in: 0...5) {
      case 0, 1: break
      case 2: pieces.append([])
      default:
        moves.append(UpstreamMove(kind: .read(pieces, isLast: false), delay: generator.delay(plan)))
        pieces = []
      }
    }
    // The end comes with the last bytes or behind them.
    if isLast && generator.happens(60) {
      moves.append(UpstreamMove(kind: .read(pieces, isLast: true), delay: generator.delay(plan)))
      return
    }
    if !pieces.isEmpty { moves.append(UpstreamMove(kind: .read(pieces, isLast: false), delay: generator.delay(plan))) }
    if isLast { moves.append(UpstreamMove(kind: .read([], isLast: true), delay: generator.delay(plan))) }
  }
}
