/// A request as the simulator received it.
public struct SeenRequest: Sendable {
  /// The head's bytes, the empty line included.
  public let headBytes: [UInt8]
  /// The body without its framing, up to the bound of the settings.
  public let body: [UInt8]
  /// How long the body was.
  public let bodyByteCount: Int
  /// Which connection brought it, counted from 1.
  public let connection: Int
  /// When it was complete, in nanoseconds of the machine's monotonic clock.
  public let atNanoseconds: UInt64

  /// The method as it was sent.
  public var method: String { startLine(0) }
  /// The target as it was sent, query included.
  public var target: String { startLine(1) }

  /// The header fields in the order they came, values without surrounding white space.
  public var headers: [Script.Header] {
    lines.dropFirst().compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      let value = parts[1].drop { $0 == " " || $0 == "\t" }
      let end = value.lastIndex { $0 != " " && $0 != "\t" }
      return Script.Header(String(parts[0]), end.map { String(value[...$0]) } ?? "")
    }
  }

  /// The value of the first field called `name`, whatever its case.
  public func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  /// The body as text; what is no UTF-8 becomes U+FFFD.
  public var bodyText: String { String(decoding: body, as: UTF8.self) }

  private var lines: [String] {
    headBytes.split(separator: 10).map { line in
      String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
    }.filter { !$0.isEmpty }
  }

  private func startLine(_ word: Int) -> String {
    let words = (lines.first ?? "").split(separator: " ")
    return word < words.count ? String(words[word]) : ""
  }
}

/// A client that left before its answer was over.
public struct SeenCancel: Sendable, Equatable {
  /// The request's target.
  public let target: String
  /// The model that was asked for.
  public let model: String
  /// When the end or the reset was seen, in nanoseconds of the machine's monotonic clock.
  public let closedAtNanoseconds: UInt64
  /// When bytes were last sent; 0 if none were.
  public let lastSentAtNanoseconds: UInt64
  /// How many token events had been sent.
  public let tokensSent: Int
}

/// What the simulator has seen since its start or the last reset.
public struct SeenSnapshot: Sendable {
  /// The latest requests in the order of their completion, at most `ScriptedUpstreamSettings.requestsKeptMax`.
  public internal(set) var requests: [SeenRequest] = []
  /// How many requests there were.
  public internal(set) var requestsTotal = 0
  /// How many requests were refused because they were not HTTP.
  public internal(set) var requestsMalformed = 0
  /// Connections accepted.
  public internal(set) var connectionsOpened = 0
  /// Connections ended, by whichever side.
  public internal(set) var connectionsClosed = 0
  /// Connections open now. A reset does not touch it.
  public internal(set) var connectionsOpen = 0
  /// Answers sent to their regular end.
  public internal(set) var answersCompleted = 0
  /// Answers that ended as their fault demanded.
  public internal(set) var answersCut = 0
  /// Token events sent in answers that are over.
  public internal(set) var tokensSent = 0
  /// The latest clients that left early, at most `ScriptedUpstreamSettings.requestsKeptMax`.
  public internal(set) var cancels: [SeenCancel] = []
  /// How many clients left early.
  public internal(set) var cancelsTotal = 0
}
