internal import Transport

/// What a request holds of its body, as the process's bound counts it.
///
/// A body is copied once, into the message for the upstream, and the connection gives back what it held. The message stays while the request may have to be
/// sent again, or its prompt counted.
extension Exchange {
  /// Less is not counted: most requests are short, and what is held of them is bounded by the places for connections.
  private static let countedBytesMin = BodyMemory.countedBytesMin

  /// Tells the bound what is held now.
  func countBodies() {
    let kept = message.count + (original?.count ?? 0)
    guard kept >= Self.countedBytesMin || bodyBytesCounted > 0 || promptCount != nil else { return }
    // A count of a message that is kept shares its memory.
    let counting = promptCount.map { message.isEmpty || $0.isOfCopy ? $0.byteCount : 0 } ?? 0
    let held = kept + counting >= Self.countedBytesMin ? kept + counting : 0
    if held > bodyBytesCounted {
      worker.downstream.memory.add(held - bodyBytesCounted)
    } else if held < bodyBytesCounted {
      worker.downstream.memory.release(bodyBytesCounted - held)
    }
    bodyBytesCounted = held
  }

  /// Lets go of a long message that nobody can need any more once it is sent: neither another attempt nor a count of its prompt. The session holds it until
  /// then; it stays counted until the answer begins.
  func forgetMessageIfDone() {
    guard message.count > Self.keptPromptBytesMax, !sessionWasKept,
      !plan.hasAlternative(otherEndpoints: hasOtherEndpoints), !wantsStream || surface.promptShape == nil
    else { return }
    message = []
    original = nil
  }
}
