internal import CLinux

/// What had to wait for the event's type: whose text a `delta` is, and what part in the answer the event has.
extension EventScanner {
  mutating func judge(_ base: UnsafeRawPointer, _ count: Int, eventName: UnsafeRawBufferPointer?) {
    chunk.fields.texts.update(from: 0) { if $0.part == 0 { $0.part = Int32(truncatingIfNeeded: part) } }
    let nameKind = eventName.map { EventKind($0) }
    if nameKind == .failure { return fail(count) }
    guard !chunk.fields.isMalformed else {
      // What is no JSON may be anything, but for a sign of life or the end as OpenAI's older endpoints tell it.
      let isDone = ChunkScanner.isDone(UnsafeRawBufferPointer(start: base, count: count).bytes)
      if !isDone && nameKind != .announcement { chunk.fields.hasOther = true }
      return
    }
    if let type {
      let contents = type.contents
      let name = UnsafeRawBufferPointer(start: base + contents.lowerBound, count: contents.count)
      takeTexts(name)
      take(EventKind(name), count)
    } else if let eventName, let nameKind, nameKind != .other {
      takeTexts(eventName)
      take(nameKind, count)
    } else if !hasKnownForm && !hasUsage && !chunk.fields.hasError {
      chunk.fields.hasOther = true
    }
  }

  private mutating func take(_ kind: EventKind, _ count: Int) {
    switch kind {
    case .start:
      chunk.fields.beginsAnswer = true
      chunk.fields.isAnnouncement = true
    case .announcement: chunk.fields.isAnnouncement = true
    case .delta: if delta != nil || deltaHasOther || !hasDelta { noteUnlessKnown() }
    case .closing, .neutral: break
    case .end: finish()
    case .lastPiece:
      noteUnlessKnown()
      finish()
    case .failure: fail(count)
    case .other: if !hasKnownForm && !chunk.fields.hasError { noteUnlessKnown() }
    }
  }

  /// The event brings something: if not one of the texts, then something else.
  private mutating func noteUnlessKnown() {
    if !chunk.fields.hasProgress { chunk.fields.hasOther = true }
  }

  private mutating func takeTexts(_ name: UnsafeRawBufferPointer) {
    func has(_ piece: StaticString) -> Bool {
      memmem(name.baseAddress, name.count, piece.utf8Start, piece.utf8CodeUnitCount) != nil
    }
    if let delta {
      let channel: TextChannel? =
        has("output_text")
        ? .content
        : has("reasoning")
          ? .reasoning
          : has("refusal") ? .refusal : has("arguments") || has("input") || has("code") ? .toolArguments : nil
      if let channel { chunk.fields.append(delta, channel, choice: 0, part: part) }
    }
    if let itemName, has("output_item.added") { chunk.fields.append(itemName, .toolName, choice: 0, part: part) }
  }

  /// The words are those of an `error`; without one the whole event tells them.
  private mutating func fail(_ count: Int) {
    if chunk.fields.error == nil { chunk.fields.error = envelopeError ?? 0..<count }
  }

  mutating func finish() {
    chunk.fields.finishedCount = max(chunk.fields.finishedCount, 1)
    if chunk.fields.finishedChoices.isEmpty { chunk.fields.finishedChoices.insert(0) }
  }
}
