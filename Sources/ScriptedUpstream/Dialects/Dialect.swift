/// How a provider writes a transcript as events of a stream and as an object in one piece.
protocol Dialect: Sendable {
  /// What the answer says.
  var transcript: Transcript { get }
  /// The order of the stream's events.
  var layout: Layout { get }
  /// The lines that the stream is made of.
  var lines: EventLines { get }
  /// Frames that follow where an error event ends the stream.
  var framesAfterError: [Int] { get }

  /// Appends the event of a token of the transcript.
  func appendToken(_ token: Int, to bytes: inout [UInt8])
  /// Appends an event of the layout that is no token.
  func appendFrame(_ frame: Int, to bytes: inout [UInt8])
  /// Appends an event that tells of an error.
  func appendError(to bytes: inout [UInt8])
  /// Appends an event that is not JSON.
  func appendMalformed(to bytes: inout [UInt8])
  /// The whole answer in one piece.
  func plain() -> [UInt8]
}

extension Dialect {
  func appendMalformed(to bytes: inout [UInt8]) {
    lines.append(data: "{\"type\":\"the quote is missing}", to: &bytes)
  }
}
