/// What one reactor keeps of prompts that nobody has counted: their bodies, until the answers tell their tokens, and by how much limits may have taken them for too
/// little.
struct PromptMemory {
  /// Bodies are kept up to this sum; beyond it a prompt is counted while its answer runs, and its body goes.
  static let bytesMax = 64 << 20

  /// One prompt's part.
  struct Hold {
    fileprivate(set) var bytes = 0
    fileprivate(set) var untold = 0
  }

  private(set) var bytes = 0
  /// Tokens that uncounted prompts may have beyond what limits were asked for.
  private(set) var untold = 0

  /// Keeps a body; false when there is no room.
  mutating func keep(_ count: Int, _ hold: inout Hold) -> Bool {
    guard hold.bytes == 0 else { return true }
    guard count <= Self.bytesMax - bytes else { return false }
    bytes += count
    hold.bytes = count
    return true
  }

  /// A prompt was taken for so many tokens less than it can have.
  mutating func take(untold count: Int, _ hold: inout Hold) {
    release(untold: &hold)
    untold += count
    hold.untold = count
  }

  /// The prompt's tokens are known, or ask no limit any more.
  mutating func release(untold hold: inout Hold) {
    untold -= hold.untold
    hold.untold = 0
  }

  /// The request has ended.
  mutating func release(_ hold: inout Hold) {
    release(untold: &hold)
    bytes -= hold.bytes
    hold.bytes = 0
  }
}
