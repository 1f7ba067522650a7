internal import ChatProtocol
internal import GatewayConfiguration
internal import HTTPWire
internal import Quotas
internal import Reactor
internal import Routing
internal import Transport
internal import Upstreams

/// One request's life, from its head to its record. Read this file from top to bottom and it is told in order; each step's
/// details are one call below, in the file named after the step.
///
/// 1. `begin`: who asks, for what (`Exchange+Intake`)
/// 2. `bodyArrived`: which model, which candidates (`Exchange+Routing`)
/// 3. `attempt`: ask the limits (`Exchange+Admission`), lease a session, send the request (`Exchange+Attempt`)
/// 4. `responseHead`, `responseBody`: relay the answer (`Exchange+Answer`)
/// 5. `attemptFailed`: another candidate, or words for the client (`Exchange+Failure`)
/// 6. `finish`: the record
///
/// `@unchecked Sendable`: confined to its reactor's thread like the connection and the session that it joins; the pool actor on the same reactor
/// keeps a reference while the request waits for a session.
final class Exchange: DownstreamObserver, @unchecked Sendable {
  // Not counted: a worker and its reactor live as long as the process serves. Counting them up and down was measured at 0.3 % of a request.
  unowned(unsafe) let worker: GatewayWorker
  unowned(unsafe) let reactor: Reactor
  let connection: DownstreamConnection
  let snapshot: GatewaySnapshot
  var record: RequestRecord

  // What was asked.
  var surface = Surface.unknown
  var method = HTTPMethod.post
  /// The consumer's place in the settings; nil for the anonymous one.
  var consumer: Int?
  /// The path and query behind `/v1` or `/v2`, without credentials; empty for the surface's usual one.
  var target: [UInt8] = []
  /// Whether the path began with `/v2`.
  var isSecondVersion = false
  /// The digest of a key that was presented where none is known; nil otherwise.
  var unknownKey: KeyDigestWords?
  /// What `routes` say of the path; `none` where they were not asked.
  var pathVerdict = PathRoutes.Verdict.none
  /// Models that the path names, where it goes by a route.
  var pathModels: [String] = []
  /// The client's header fields that go upstream, ready for the wire.
  var forwardedFields: [UInt8] = []
  var content = ContentKind.none
  var wantsStream = false
  var wantsUsage = false
  /// Answers asked for; the scanner has bounded it.
  var choiceCount = 1
  /// Answers that are generated for them.
  var generatedCount = 1
  var isHTTP10 = false

  // Where it goes.
  var candidates: [Candidate] = []
  var plan = AttemptPlan(candidateCount: 0)
  /// The request as it was last sent (or the bare body, before): kept until the answer has content, so that it can be sent again.
  var message: [UInt8] = []
  var messageBodyStart = 0
  /// Whether an upstream has been asked.
  var isSent = false
  var bodyKind = BodyKind.opaque
  /// The body as it came, when what is spliced in for one candidate may not reach another.
  var original: [UInt8]?
  /// Bytes of its bodies that are counted in the process's bound.
  var bodyBytesCounted = 0
  /// The upstream of the attempt under way, or of the last one.
  var upstream: UpstreamRuntime!
  var pool: SessionPool?
  var leaseWait: LeaseID?
  var session: UpstreamSession?
  var sessionWasKept = false
  /// The endpoint of the attempt under way, or of the last one; also when its session is gone.
  var endpoint: Int?

  // What limits say.
  /// What they are by, of the head; nil when nothing of it is.
  var headFacts: HeadFacts?
  /// The permission for the attempt under way; nil where nothing is limited.
  var grant: LimitGrant?
  /// A wait for limits under way.
  var limitWait: LimitWaitID?
  /// What came of asking them; nil for a request that was admitted at once.
  var admission: AdmissionTrail?
  /// Whether the upstream had ended its answer when a limit was reached inside it.
  var endedAtLimit = false
  /// What limits and prices know the model by.
  var limitedModel = ""
  /// The caller's bound on one answer.
  var tokensMax: Int?
  /// Tokens that it takes by its endpoint's rule, where nobody counts them; 0 where they are counted.
  var ruledTokens = 0
  /// Pictures that were asked for.
  var picturesAsked = 1
  /// Pictures that the answer brought.
  var picturesMade = 0
  /// Whether a time-out of ours ended the attempt under way, or the last one.
  var isTimedOut = false
  /// The limit at which the answer ends in a moment, unless it ends by itself.
  var lastRefusal: LimitRefusal?

  // What comes back.
  var answer = Answer.none
  /// How the candidate's model is counted; nil before there is a candidate.
  var tokens: ModelTokens?
  /// The count of a long prompt, while it is under way.
  var promptCount: PromptCount?
  /// What the prompt takes of the worker's ``PromptMemory``.
  var promptHold = PromptMemory.Hold()
  /// Follows a chunk stream. Changed in place, never moved: it holds buffers.
  var relay: StreamRelay?
  /// What of the answer is gathered.
  var kept: [UInt8] = []
  /// The response head, written but not yet sent: it goes with the first bytes of the body.
  var pendingHead: [UInt8] = []
  var isHeadSent = false
  /// Whether anything of an upstream's answer has been sent: from here on no other answer can take its place.
  var isCommitted = false
  var framing = ClientFraming.chunked
  /// Whole events held back until the answer has substance.
  var held: [UInt8] = []
  var heldSince: MonotonicTime?
  var isPaused = false

  // Time.
  var progressDeadline = MonotonicTime.never
  var totalDeadline = MonotonicTime.never
  var isFinished = false

  /// How the body says which model it wants.
  enum BodyKind {
    case json, multipart, opaque
  }

  /// What was found in a body. Handed along with it and not kept: it is large, and found again in the rare case that the body is sent again.
  enum BodyFindings {
    case json(RequestFields)
    case multipart(MultipartFields)
    case opaque
  }

  /// What kind of answer is being relayed.
  enum Answer: Equatable {
    case none
    /// Events that are read one by one, by `relay`.
    case chunkStream
    /// Events of an endpoint that is passed through: followed by `relay` for what they cost.
    case eventStream
    /// A body passed on as it comes; with `keeps`, a JSON answer gathered in `kept` for its usage.
    case opaque(keeps: Bool)
    /// An error of the upstream, gathered in `kept` to be passed on whole.
    case error(status: Int, isJSON: Bool)
  }

  /// How the client learns where the body ends.
  enum ClientFraming {
    case chunked
    case length
    case close
    /// No body at all.
    case none
  }

  /// A whole JSON answer up to this size is kept to read its usage.
  static let keptAnswerBytesMax = 8 << 20
  /// So much of a longer one is kept of its end.
  static let keptAnswerEndBytes = 64 << 10
  /// An upstream's error is passed on up to this size.
  static let keptErrorBytesMax = 64 << 10
  /// While beginnings of an answer (role, comments) are held back, a comment of the gateway's own shows the client at such intervals that it is
  /// not forgotten; a balancer in front would close a silent connection.
  static let lifeSignInterval = Duration.seconds(5)
  /// No more is held back than this.
  static let holdBackBytesMax = 16 << 10

  init(worker: GatewayWorker, connection: DownstreamConnection, id: RequestID) {
    self.worker = worker
    reactor = worker.reactor
    self.connection = connection
    snapshot = worker.snapshot
    record = RequestRecord(id: id, startedAt: worker.reactor.now)
  }

  /// The candidate in use.
  var candidate: Candidate { candidates[plan.candidate] }

  // MARK: The client

  /// The client has taken what waited: the upstream may go on.
  func downstreamDrained() {
    guard isPaused else { return }
    isPaused = false
    guard limitWait == nil else { return }
    if progressDeadline == .never && wantsStream {
      setProgressDeadline(lastRefusal == nil ? upstream.settings.timeouts.betweenTokens : Self.endGrace)
    }
    session?.setPaused(false)
  }

  /// The client has left: the upstream is told at once, what was delivered is recorded.
  func downstreamGone(_ reason: DownstreamGone) {
    guard !isFinished else { return }
    releaseUpstream(.abandoned)
    switch reason {
    case .left: finish(.clientLeft)
    case .stalled: finish(.clientStalled)
    case .shutDown: finish(.shutDown)
    }
  }

  /// The drain deadline has passed: ends with words if there is still a way to say them.
  func downstreamMustEnd() {
    guard !isFinished else { return }
    releaseUpstream(.abandoned)
    tell(.shuttingDown, outcome: .shutDown)
  }

  // MARK: Time

  /// Content is expected within `duration` from now.
  func setProgressDeadline(_ duration: Duration) {
    progressDeadline = reactor.now + duration
    armTimer()
  }

  /// Has the deadlines looked at when the earlier of them comes. Moving one back later costs a store: they are looked at too early then, and again.
  func armTimer() {
    connection.setAnswerDeadline(min(progressDeadline, totalDeadline))
  }

  /// A deadline may have come.
  func answerDeadlineReached() {
    guard !isFinished else { return }
    if reactor.now >= totalDeadline {
      attemptFailed(.timedOut, .totalTimeout(upstream: upstream.name))
    } else if reactor.now >= progressDeadline {
      if let lastRefusal { return endAtLimit(lastRefusal) }
      let hasContent = record.firstContentAt != nil
      attemptFailed(
        .timedOut,
        hasContent ? .betweenTokensTimeout(upstream: upstream.name) : .firstTokenTimeout(upstream: upstream.name))
    } else {
      armTimer()
    }
  }

  // MARK: The end

  /// Ends the request: its record is written, its buffers go. Harmless when it has ended.
  func finish(_ outcome: RequestOutcome) {
    guard !isFinished else { return }
    isFinished = true
    record.outcome = outcome
    if !countsPromptOn() { close() }
  }

  /// All that can be known is known: the record and the limits are settled.
  func close() {
    settleTokens()
    settleLimits()
    worker.promptMemory.release(&promptHold)
    answer = .none
    relay = nil
    kept = []
    promptCount = nil
    message = []
    original = nil
    countBodies()
    held = []
    pendingHead = []
    worker.ended(self)
  }
}
