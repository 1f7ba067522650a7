import RateLimiting

/// One node of the simulation: the gateway's own machines, put together as the gateway does.
struct LeaseNode {
  struct Stream {
    let request: Request
    let beganAt: Int
    var left: Int
    /// What is left of the look-ahead's reservation.
    var reserved: Int
    var allowance: Allowance
    /// Parts of a unit, in thousandths, that the upstream has sent.
    var thousandths = 0
    var isWaiting = false

    var id: UInt64 { request.id }
  }

  struct Request {
    let id: UInt64
    let prompt: Int
    let guess: Int
    let output: Int
    let maxTokens: Int?
    /// Whose it is, where clients take turns.
    let client: Int
  }

  /// Units of output that a request draws with its prompt.
  static let outputAhead = 64
  /// Units that a stream draws at once.
  static let drawMost = 64
  /// How long a node waits for the store.
  static let timeoutMilliseconds = 20

  var ledger = LeaseLedger()
  var breaker = StoreBreaker()
  var lookAhead = LookAhead()
  var expectation = OutputExpectation()
  var queue = AdmissionQueue(waitingMax: 256)
  var streams: [Stream] = []
  var waiting: [UInt64: Request] = [:]
  var askedAt = 0
  /// How often it has crashed; part of its name.
  var incarnation = 0

  var isQuiet: Bool { streams.isEmpty && queue.isEmpty && ledger.isEmpty }
  var held: Int { ledger.credit + streams.reduce(0) { $0 + max(0, $1.allowance.left) } }
}
