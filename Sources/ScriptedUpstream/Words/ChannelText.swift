/// What one channel of one choice has delivered.
public struct ChannelText: Sendable, Equatable {
  /// Where text can come.
  public enum Channel: Sendable, Hashable {
    /// The answer. With `think` the reasoning between its tags too.
    case content
    /// The reasoning, where it has a field of its own.
    case reasoning
    /// The refusal, where it has a field of its own.
    case refusal
    /// The name of the tool call with this index.
    case toolName(Int)
    /// The arguments of the tool call with this index, as the JSON text that the model wrote.
    case toolArguments(Int)
  }

  /// The choice's index.
  public let choice: Int
  /// The channel.
  public let channel: Channel
  /// The text. A surrogate pair of which only half has come is not in it.
  public let text: String
}

/// Collects the texts of channels as their pieces come, in UTF-16 because a piece may end inside a surrogate pair.
public struct ChannelTexts: Sendable {
  private struct Key: Hashable {
    let choice: Int
    let channel: ChannelText.Channel
  }

  private var order: [Key] = []
  private var units: [Key: [UInt16]] = [:]

  /// Nothing yet.
  public init() {}

  /// Adds a piece to a channel.
  public mutating func append(_ choice: Int, _ channel: ChannelText.Channel, _ piece: [UInt16]) {
    guard !piece.isEmpty else { return }
    let key = Key(choice: choice, channel: channel)
    if units[key] == nil { order.append(key) }
    units[key, default: []] += piece
  }

  /// The texts, each channel where it first spoke; one that has had only empty pieces has not spoken.
  public var texts: [ChannelText] {
    order.map { key in
      var units = self.units[key] ?? []
      if let last = units.last, UTF16.isLeadSurrogate(last) { units.removeLast() }
      return ChannelText(choice: key.choice, channel: key.channel, text: String(decoding: units, as: UTF16.self))
    }
  }
}
