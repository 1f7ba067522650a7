/// What a model's tokens are counted by where there is no text to count: declared, because no request tells.
public struct ModelTokenSettings: Sendable, Equatable {
  /// Around each message of a prompt; nil: what the model's family has.
  public var message: Int?
  /// What opens the answer, at the end of a prompt; nil: what the model's family has.
  public var reply: Int?
  /// An image of a prompt.
  public var image = 765
  /// An image that the request wants seen small.
  public var imageLow = 85
  /// A sound of a prompt.
  public var audio = 300
  /// A file of a prompt.
  public var file = 1500
  /// Of an answer: tokens that stand in no text, such as the one that ends it.
  public var answer = 0
  /// Of an answer that has thoughts: the tokens around them.
  public var reasoning = 0
  /// Of each tool call of an answer: the tokens around its name and arguments.
  public var toolCall = 0

  /// A request whose tokens neither its answer tells nor anybody can count; nil: by its endpoint.
  public var request: Int?

  /// The defaults.
  public init() {}
}
