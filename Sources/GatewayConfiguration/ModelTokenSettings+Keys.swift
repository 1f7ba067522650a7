extension ModelTokenSettings {
  /// More than any template writes around a message or a call.
  private static let framing = 0...1_000
  /// More than any model reads.
  private static let media = 0...1_000_000

  static let section = ConfigurationSection<ModelTokenSettings>(fields: [
    .value(
      "message", \.message, .optional(.integer(framing)), default: Self(),
      "Tokens around each message of a prompt; left out, what the model's family has (4 to 5 with most)."),
    .value(
      "reply", \.reply, .optional(.integer(framing)), default: Self(),
      "Tokens that open the answer, at the end of a prompt; left out, what the model's family has (3 with most)."),
    .value(
      "image", \.image, .integer(media), default: Self(),
      "Tokens of an image; the default is OpenAI's for 1024 × 1024 pixels."),
    .value(
      "imageLow", \.imageLow, .integer(media), default: Self(),
      "Tokens of an image sent with low detail."),
    .value("audio", \.audio, .integer(media), default: Self(), "Tokens of a sound; the default is OpenAI's for 30 s."),
    .value(
      "file", \.file, .integer(media), default: Self(),
      "Tokens of a file or film; the default is about one page of a document."),
    .value(
      "answer", \.answer, .integer(framing), default: Self(),
      "Tokens of every answer that stand in no text, such as the one that ends it; vLLM counts 1."),
    .value(
      "reasoning", \.reasoning, .integer(framing), default: Self(),
      "Tokens around an answer's thoughts, where it has some; vLLM counts 1 for the closing tag."),
    .value(
      "toolCall", \.toolCall, .integer(framing), default: Self(),
      "Tokens around each tool call of an answer, beside its name and arguments."),
    .value(
      "request", \.request, .optional(.integer(media)), default: Self(),
      "Tokens of a request that nobody counts and whose answer does not tell (pictures, speech, moderations, and the like); left out, what its endpoint usually takes."
    ),
  ])
}
