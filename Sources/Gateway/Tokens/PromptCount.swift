internal import Reactor
internal import TokenAccounting

/// A long prompt being counted, a slice a turn.
///
/// `@unchecked Sendable`: confined to its owner's reactor; the closures that carry it run there.
final class PromptCount: @unchecked Sendable {
  /// So much is counted at once; what is longer is counted on in coming turns, and no other stream waits for more than this.
  static let sliceBytes = 32 << 10

  private var counter: PromptCounter
  private let body: RequestBody
  /// Whether somebody still wants to know.
  var isWanted = true

  init(_ counter: PromptCounter, _ body: RequestBody) {
    self.counter = counter
    self.body = body
  }

  /// Counts on in coming turns. Of a request that has ended the record is written then.
  ///
  /// - Parameter slicesMax: what is left after so many is projected.
  func goOn(for owner: any PromptCountOwner, on reactor: Reactor, slicesMax: Int = .max) {
    reactor.execute { [self] in
      // The request may have asked another upstream meanwhile, or know its tokens.
      guard isWanted else { return }
      if advance() || slicesMax <= 1 {
        isWanted = false
        owner.promptCounted(counter)
      } else {
        goOn(for: owner, on: reactor, slicesMax: slicesMax == .max ? .max : slicesMax - 1)
      }
    }
  }

  /// Bytes that it keeps.
  var byteCount: Int { body.byteCount }
  /// What the prompt will come to, judged by what has been counted.
  var projection: Int { counter.projection }
  /// Whether all has been counted.
  var isComplete: Bool { counter.isComplete }

  /// The count after at most so many further slices.
  func counted(slicesMax: Int) -> PromptCounter {
    for _ in 0..<slicesMax where advance() { break }
    return counter
  }

  private func advance() -> Bool {
    body.withBytes { counter.advance(body: $0.bytes, bytesMax: Self.sliceBytes) }
  }
}

/// Who waits for the count of a long prompt.
///
/// `Sendable`: it is carried by closures of its own reactor.
protocol PromptCountOwner: AnyObject, Sendable {
  /// The prompt has been counted, or projected.
  func promptCounted(_ counter: PromptCounter)
}
