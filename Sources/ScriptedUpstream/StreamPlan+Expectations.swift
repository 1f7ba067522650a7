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
      // The one line that begins with "data: " is the last; a comment, a type or a byte order mark may stand before it.
      let end = bytes.count - 2 * dialect.lines.end.count
      let name = Array("data: ".utf8)
      guard let start = (0..<end).first(where: { bytes[$0...].starts(with: name) }) else { return nil }
      return Array(bytes[start + name.count..<end])
    }
  }

  /// What each channel of each choice has delivered after the first `count` token events, or after all that the
  /// stream sends; channels in the order in which they first spoke.
  public func channelTexts(afterTokens count: Int = .max) -> [ChannelText] {
    var texts = ChannelTexts()
    for token in 0..<min(max(0, count), tokenCount) { dialect.transcript.deliver(token, to: &texts) }
    return texts.texts
  }

  /// The same after the first `count` events of any kind.
  public func channelTexts(afterEvents count: Int) -> [ChannelText] {
    channelTexts(afterTokens: tokens(before: min(max(0, count), itemCount)))
  }

  /// The text of the first choice's answer, as far as the stream tells it.
  public var contentText: String { text(of: .content) }

  /// The text of the first choice's reasoning, as far as the stream tells it in a field of its own.
  public var reasoningText: String { text(of: .reasoning) }

  private func text(of channel: ChannelText.Channel) -> String {
    channelTexts().first { $0.choice == 0 && $0.channel == channel }?.text ?? ""
  }

  /// The text of one answer token, the first being 0.
  public static func text(model: String, event: Int, style: Script.Text = .plain) -> String {
    Wording.word(.content, event, Voice.of(model: model), style)
  }

  /// The text of one reasoning token, the first being 0.
  public static func reasoningText(model: String, event: Int, style: Script.Text = .plain) -> String {
    Wording.word(.reasoning, event, Voice.of(model: model), style)
  }
}
