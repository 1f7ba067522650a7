internal import HTTPWire
internal import Reactor
internal import TokenAccounting

/// How a request ended.
enum RequestOutcome: String, Sendable {
  /// The whole answer was delivered.
  case completed
  /// The gateway refused the request itself.
  case refused
  /// The upstream answered with an error, which was passed on.
  case upstreamError = "upstream_error"
  /// The upstream failed; the client got an error in its place.
  case failed
  /// The upstream failed after the first content; the client got an error event or a visible cut.
  case cut
  /// A limit ended the answer before its end.
  case limited
  /// The client left before the end.
  case clientLeft = "client_left"
  /// The client did not read for the write time-out.
  case clientStalled = "client_stalled"
  /// The drain deadline passed.
  case shutDown = "shut_down"
}

/// What is told of one request when it ends: the access log reads it, and so will metrics, traces and the ledger.
struct RequestRecord {
  var id: RequestID
  var consumer = ""
  var clientAddress = ""
  var method = HTTPMethod.other
  var path = ""
  var model = ""
  var upstream = ""
  var upstreamModel = ""
  var status = 0
  var isStream = false
  var attempts = 0
  var startedAt: MonotonicTime
  var firstContentAt: MonotonicTime?
  var tokens = TokenRecord()
  /// What attempts may have cost that were given up for another while their upstreams were at work.
  var abandonedTokens = 0
  /// Bytes of the body that was sent.
  var bodyBytes = 0
  var bytesOut = 0
  var eventCount = 0
  var outcome = RequestOutcome.completed
  /// The error code that the client was told; empty when none.
  var errorCode = ""
  /// The limit that refused the request or a candidate, or ended the answer; empty when none did.
  var limit = ""
  /// The attempts that failed, with their reasons.
  var failures: [String] = []
}
