extension Script {
  /// What goes wrong with an answer. Where tokens count, `after` says after how many.
  public enum Fault: Sendable, Equatable {
    /// Nothing.
    case none
    /// An error answer with this status and an OpenAI-shaped body.
    case status(Int)
    /// A 502 with a web page, as a proxy in front of the model sends it.
    case htmlError
    /// The connection is closed in place of an answer.
    case closeBeforeAnswer
    /// The connection is reset in place of an answer.
    case resetBeforeAnswer
    /// The request is read and never answered.
    case neverAnswer
    /// Something that is no HTTP answer, and the end.
    case badHead
    /// After the tokens: reset.
    case reset
    /// After the tokens: the connection ends, the body does not.
    case close
    /// After the tokens: nothing more, the connection stays.
    case stall
    /// After the tokens one event is not JSON; then the answer goes on.
    case malformed
    /// After the tokens half an event, then the connection ends.
    case truncate
    /// After the tokens an event with an `error` object and `[DONE]`.
    case errorEvent
    /// After the tokens the body ends as it should, without finish reason and `[DONE]`.
    case endEarly
    /// All but `[DONE]`.
    case noDone
    /// All but the chunk with the finish reason.
    case noFinish
    /// After the tokens bytes that are no chunk; the connection stays, so that only who checks will notice.
    case badFraming
    /// The whole answer, then the connection ends although it was to live on.
    case closeAfterAnswer
    /// The whole answer, and `gap` later a second one that nobody asked for.
    case lateBytes

    /// The faults that are one word.
    static let named: [(String, Fault)] = [
      ("none", .none), ("htmlError", .htmlError), ("closeBeforeAnswer", .closeBeforeAnswer),
      ("resetBeforeAnswer", .resetBeforeAnswer), ("neverAnswer", .neverAnswer), ("badHead", .badHead),
      ("reset", .reset), ("close", .close), ("stall", .stall), ("malformed", .malformed),
      ("truncate", .truncate), ("errorEvent", .errorEvent), ("endEarly", .endEarly), ("noDone", .noDone),
      ("noFinish", .noFinish), ("badFraming", .badFraming), ("closeAfterAnswer", .closeAfterAnswer),
      ("lateBytes", .lateBytes),
    ]

    /// Whether the tokens end where the fault begins.
    var cutsTokens: Bool {
      switch self {
      case .reset, .close, .stall, .truncate, .errorEvent, .endEarly, .badFraming: true
      default: false
      }
    }
  }
}
