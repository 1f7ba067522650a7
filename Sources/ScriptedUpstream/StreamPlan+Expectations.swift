extension StreamPlan {
  /// Every event of a stream as bytes, comments and byte order mark included, body framing not: joined they are what a
  /// client reads. A truncated stream's last entry is the half that is sent.
  public static func eventBytes(_ script: Script, model: String, includeUsage: Bool) -> [[UInt8]] {
    StreamPlan(script, model: model, includeUsage: includeUsage).eventBytes
  }

  /// As the static function of that name.
  public var eventBytes: [[UInt8]] {
    (0..<itemCount).map { index in
      var bytes: [UInt8] = []
      append(index, to: &bytes)
      if case .half = item(index) { bytes.removeLast(bytes.count - bytes.count / 2) }
      return bytes
    }
  }

  /// The data of every event in order, without field name and line ends: what a parser hands on. A stream that is cut
  /// inside an event has no entry for it.
  public var dataPayloads: [[UInt8]] {
    (0..<itemCount).compactMap { index in
      switch item(index) {
      case .half, .noChunk: return nil
      default: break
      }
      var bytes: [UInt8] = []
      append(index, to: &bytes)
      // The one line that begins with "data: " is the last; a comment or a byte order mark may stand before it.
      let end = bytes.count - 2 * parts.lineEnd.count
      let name = Array("data: ".utf8)
      guard let start = (0..<end).first(where: { bytes[$0...].starts(with: name) }) else { return nil }
      return Array(bytes[start + name.count..<end])
    }
  }

  /// The answer's text, as far as the stream tells it.
  public var contentText: String {
    let count = min(contentCount, max(0, tokensSent(before: reasoningCount + contentCount) - reasoningCount))
    return (0..<count).map { Self.text(model: model, event: $0, style: script.text) }.joined()
  }

  /// The reasoning's text, as far as the stream tells it.
  public var reasoningText: String {
    (0..<tokensSent(before: reasoningCount)).map {
      Self.reasoningText(model: model, event: $0, style: script.text)
    }.joined()
  }

  private func tokensSent(before limit: Int) -> Int { min(tokenCount, limit) }

  /// The text of one answer token, the first being 0.
  public static func text(model: String, event: Int, style: Script.Text = .plain) -> String {
    EventParts.styled(Voice.of(model: model).content(event), event, style)
  }

  /// The text of one reasoning token, the first being 0.
  public static func reasoningText(model: String, event: Int, style: Script.Text = .plain) -> String {
    EventParts.styled(Voice.of(model: model).reasoning(event), event, style)
  }
}
