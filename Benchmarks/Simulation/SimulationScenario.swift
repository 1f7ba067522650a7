public import RateLimiting

/// One run: a limit, nodes behind it, demand for it, and what goes wrong meanwhile.
public struct SimulationScenario: Sendable {
  /// How the limit is kept.
  public enum Scheme: String, Sendable, CaseIterable {
    /// Leases from a distributed bucket, as the gateway does.
    case lease
    /// A counter for each minute, looked at before a request and raised after it, as Higress' token limit does.
    case fixedWindow = "fixed window"
    /// A counter for each minute, raised before a request by prompt and 4,096, and corrected after it, as LiteLLM does.
    case reserve = "reserve up front"
  }

  /// What goes wrong. Times are milliseconds from the beginning.
  public enum Fault: Sendable, Hashable {
    /// Nobody reaches the store; what it holds stays.
    case storeDown(from: Int, until: Int)
    /// Answers take so many milliseconds.
    case storeSlow(from: Int, until: Int, milliseconds: Int)
    /// It restarts empty.
    case storeEmptied(at: Int)
    /// A replica takes over that is behind by so many milliseconds.
    case storeRolledBack(at: Int, by: Int)
    /// Its clock jumps, forward or back.
    case clockJumps(at: Int, by: Int)
    /// A node loses everything and begins anew under another name.
    case nodeCrashes(at: Int, node: Int)
    /// The first so many nodes do not reach the store.
    case partition(from: Int, until: Int, nodes: Int)
  }

  /// What a broken build does, to see that the checker notices.
  public enum Breakage: Sendable {
    /// Nothing is broken.
    case none
    /// Debt is not sent.
    case debtDropped
    /// What nodes have seen is not sent.
    case snapshotIgnored
    /// What a bucket owes beyond one burst is forgiven.
    case debtForgiven
  }

  /// How answers come.
  public enum Answers: Sendable, Hashable {
    /// As streams, some units each step.
    case streamed
    /// As streams of events of so many units.
    case events(units: Int)
    /// In one piece, when all of it is there.
    case onePiece
  }

  /// What is printed in the first column.
  public var name = ""
  /// How the limit is kept.
  public var scheme = Scheme.lease
  /// Nodes.
  public var nodes = 8
  /// Units that may be delivered in a minute.
  public var limit = 100_000
  /// Seconds of the limit that the bucket holds.
  public var burstSeconds = 5.0
  /// Demand as a multiple of the limit.
  public var demand = 3.0
  /// Clients, each of which asks again as soon as its last request has ended, and half a second after a refusal; 0: requests come at random, by ``demand``.
  public var clients = 0
  /// How answers come.
  public var answers = Answers.streamed
  /// A request bounds its answer at so many times its length; nil: it names no bound.
  public var maxTokensFactor: Double?
  /// Units of a prompt, evenly between these.
  public var prompts = 200...800
  /// Mean units of an answer, log-normal with sigma 1.
  public var outputMean = 800.0
  /// Units that a stream delivers in a second, and in one event.
  public var unitsPerSecond = 50
  /// Prompts are guessed wrong by up to this part of themselves, evenly; `promptBias` shifts all.
  public var promptError = 0.0
  /// Prompts are guessed too low by this part of themselves.
  public var promptBias = 0.0
  /// Milliseconds of the run.
  public var milliseconds = 600_000
  /// Milliseconds of a step; a stream's events come once a step.
  public var stepMilliseconds = 20
  /// What happens while the store is away.
  public var absence = StoreAbsence.local
  /// A stream or request waits at most so long for units.
  public var waitMilliseconds = 1000
  /// Requests begin only when their whole answer may be expected to fit.
  public var looksAhead = true
  /// What goes wrong.
  public var faults: [Fault] = []
  /// What is broken on purpose.
  public var breakage = Breakage.none

  /// The scenario of the defaults.
  public init() {}

  /// Units of output that a request draws with its prompt, and a stream at once: of a small limit a small part.
  var outputAhead: Int { min(LeaseNode.outputAhead, max(1, limit / 32)) }

  /// The lease's terms: "never more than the limit in any minute" as a rate and a burst.
  public var terms: LeaseTerms {
    let burst = max(1, Int(Double(limit) / 60 * burstSeconds))
    let rate = LeaseRate(max(1, limit - burst), perMilliseconds: 60_000)
    var terms = LeaseTerms(BucketTerms(rate: rate, burst: burst), absence: absence)
    terms.nodesAssumed = nodes
    return terms
  }
}
