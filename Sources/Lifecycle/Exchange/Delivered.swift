/// What the client has of an answer: by this it is decided what a failure can still be followed by. Said of what was released, not of what was read.
public enum Delivered: UInt8, Comparable, CaseIterable, Sendable {
  /// Nothing of an upstream's answer; a head and comments of ours at most (phase P0).
  case nothing
  /// Beginnings that outgrew what is held back: a role, events that announce. No other answer can follow them.
  case beginnings
  /// Reasoning only (P1).
  case reasoning
  /// Text of the answer (P2).
  case text
  /// A part of a tool call, a refusal, a picture or a sound; several choices; token probabilities (P3).
  case structured
  /// Every choice has its end; usage or the stream's last word may be missing (P4).
  case finished

  @inlinable public static func < (left: Delivered, right: Delivered) -> Bool { left.rawValue < right.rawValue }
}
