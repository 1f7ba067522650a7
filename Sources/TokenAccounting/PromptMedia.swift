/// What counts by the piece because its data are no text.
public struct PromptMedia: Sendable, Equatable {
  /// An image. 765 is what OpenAI's documentation counts for 1024 × 1024 pixels in full detail: 85 and 4 tiles of 170.
  public var image = 765
  /// An image that the request wants seen small: 85 in the same place.
  public var imageLow = 85
  /// A sound. OpenAI counts a token for each 100 ms that a user says: 300 are half a minute.
  public var audio = 300
  /// A file. Anthropic counts 1,500 to 3,000 tokens for a page of a document.
  public var file = 1500

  /// The defaults.
  public init() {}
}
