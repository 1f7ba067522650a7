internal import CLinux

/// What part in an answer an event has by its type alone.
///
/// The names are those of Anthropic's `/v1/messages`, OpenAI's `/v1/responses` and its streams of speech, transcripts
/// and pictures (the `Literal` types of the official Python libraries, anthropic and openai, of August 2026), Cohere's
/// `/v2/chat` and Gemini's interactions.
enum EventKind {
  /// An answer begins, whose end will be told.
  case start
  /// Tells what will come, or that the connection lives. What it brings all the same is seen in its members.
  case announcement
  /// A piece of something; it may be empty.
  case delta
  /// Anthropic's `message_delta`: why the answer ends and what it cost.
  case closing
  /// Neither begins, brings nor ends anything by itself: the end of a part, or a whole answer, whose members tell.
  case neutral
  /// The answer is whole.
  case end
  /// The answer is whole, and this event brings the last of it.
  case lastPiece
  /// There will be no answer, or no more of it.
  case failure
  /// Any other: taken to bring something, for nothing is known of it.
  case other

  /// The kind of a type, or of the name of an event that has none.
  init(_ name: UnsafeRawBufferPointer) {
    // Most events of a stream.
    if ends(name, "delta") {
      self = equals(name, "message_delta") ? .closing : .delta
      return
    }
    self = EventKind.known(name)
  }

  /// Whether an event's name says more than that it is one: `message` is what a nameless event is called (WHATWG HTML,
  /// section 9.2.6).
  static func isNamed(_ name: UnsafeRawBufferPointer) -> Bool { !name.isEmpty && !equals(name, "message") }

  private static func known(_ name: UnsafeRawBufferPointer) -> EventKind {
    switch name.count {
    case 4 where equals(name, "ping"): .announcement
    case 5 where equals(name, "error"): .failure
    case 7 where equals(name, "message"): .neutral
    case 11 where equals(name, "message-end"): .end
    case 11 where equals(name, "content-end"): .neutral
    case 12 where equals(name, "message_stop"): .end
    case 13 where equals(name, "message_start"): .start
    case 13 where equals(name, "message-start"), 13 where equals(name, "content-start"): .announcement
    case 15 where equals(name, "response.queued"): .announcement
    case 15 where equals(name, "response.failed"): .failure
    case 16 where equals(name, "response.created"): .start
    case 17 where equals(name, "speech.audio.done"): .lastPiece
    case 18 where equals(name, "response.completed"): .end
    case 18 where equals(name, "content_block_stop"): .neutral
    case 19 where equals(name, "response.incomplete"): .end
    case 19 where equals(name, "content_block_start"): .announcement
    case 19 where equals(name, "interaction.created"): .announcement
    case 20 where equals(name, "image_edit.completed"), 20 where equals(name, "transcript.text.done"): .lastPiece
    case 21 where equals(name, "interaction.completed"): .end
    case 26 where equals(name, "image_generation.completed"): .lastPiece
    case 26 where equals(name, "response.output_item.added"): .announcement
    case 27 where equals(name, "response.content_part.added"): .announcement
    case 37 where equals(name, "response.reasoning_summary_part.added"): .announcement
    // `response.in_progress`, and that of each tool that the provider runs itself.
    case _ where ends(name, "in_progress") && begins(name, "response."): .announcement
    default: .other
    }
  }
}

@inline(__always)
private func equals(_ name: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
  name.count == word.utf8CodeUnitCount && begins(name, word)
}

@inline(__always)
private func begins(_ name: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
  guard let base = name.baseAddress, name.count >= word.utf8CodeUnitCount else { return false }
  return memcmp(base, word.utf8Start, word.utf8CodeUnitCount) == 0
}

@inline(__always)
private func ends(_ name: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
  guard let base = name.baseAddress, name.count >= word.utf8CodeUnitCount else { return false }
  return memcmp(base + (name.count &- word.utf8CodeUnitCount), word.utf8Start, word.utf8CodeUnitCount) == 0
}
