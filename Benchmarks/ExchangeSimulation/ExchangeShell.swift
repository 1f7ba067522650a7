import Lifecycle

/// What the shell around the machine notes: what it holds, and how far an answer has come through it.
struct ExchangeShell {
  var machine: SimulatedMachine
  /// What was in use when the request began.
  let snapshot: SimulatedConfiguration

  // What it holds.
  var leaseWait: Int?
  var limitWait: Int?
  var session: Int?
  var grant: Int?

  // The attempt under way, and what was begun and sent so far.
  var attempt = 0
  var candidate = -1
  /// Attempts with this candidate, and their kinds.
  var leases: [ExchangeAction.Lease] = []
  var isSent = false
  var sentCount = 0
  var hasBegun = false
  /// When it must have ended.
  var endsBy = Int(Int32.max)
  var answer = AnswerState()

  /// Whether limits have given more inside an answer.
  var limitsGaveMore = false
  var isEnded = false
  var leftFirst = false
  /// Since when the upstream has shown nothing, while it is read.
  var silentSince: Int?
}

/// An answer's way through the pipeline.
struct AnswerState {
  var hasBegun = false
  var isStream = false
  /// Whether anything of it has gone to the client.
  var isReleased = false
  var counted = 0
  var last: UnitKind?
  /// Counted and not released.
  var held: [AnswerUnit] = []
  /// Not counted: behind a limit.
  var waiting: [AnswerUnit] = []
  /// Units that the limits still give.
  var allowance: Int?
  /// The last unit that the limits gave has gone.
  var isDry = false
  /// A unit waits that the limits do not give.
  var isStopped = false
  var hasFinished = false
  var upstreamEnded = false
}
