import Lifecycle
import TestKit

/// One request and all that it deals with, on a virtual clock in milliseconds: the client, limits, pools, upstreams, the
/// operator, and between them the shell that asks the machine and obeys it. Each promise is looked at after each step.
///
/// The clock (this file) lets one thing happen after another, those of one instant in random order. What happens is in
/// `+Outside`, the shell in `+Shell` and `+Steps`, the way of an answer through it in `+Answer`, the promises in
/// `+Promises`.
final class ExchangeWorld {
  /// What can happen to a request from outside.
  enum Happening {
    case bodyComplete
    case leaseWaitEnds(Int)
    case admissionWaitEnds(Int)
    case moreWaitEnds(Int)
    case upstreamMoves(session: Int)
    case clientReady
    case clientLeaves
    case mustEnd
    case reload
    /// The clock is told too early.
    case timeTooEarly
  }

  let plan: ExchangePlan
  /// The one in use for new requests.
  var configuration: SimulatedConfiguration
  let flaw: ExchangeFlaw?
  var generator: SeededGenerator
  var now = 0
  private var queue: [(at: Int, order: UInt64, what: Happening)] = []
  private(set) var stepCount = 0

  var shell: ExchangeShell
  var ledger = ExchangeLedger()
  var client = SimulatedClient()
  let coverage: ExchangeCoverage
  /// What happened, for a reader; nil when nobody wants to know.
  var trace: [String]?
  private(set) var violation: (what: ExchangeViolation, detail: String)?

  /// A request takes some hundred steps; one that takes more goes in circles.
  static let stepsMax = 5_000

  init(seed: UInt64, flaw: ExchangeFlaw?, coverage: ExchangeCoverage, traces: Bool) {
    generator = SeededGenerator(seed: seed)
    plan = ExchangePlan.random(&generator)
    configuration = plan.configuration
    self.flaw = flaw
    self.coverage = coverage
    trace = traces ? [] : nil
    shell = ExchangeShell(
      machine: SimulatedMachine(startedAt: Moment(nanoseconds: 0), flaw: flaw), snapshot: plan.configuration)
  }

  /// Lets it all happen.
  func run() {
    later(generator.delay(plan), .bodyComplete)
    if let at = plan.leavesAt { later(at, .clientLeaves) }
    if let at = plan.mustEndAt { later(at, .mustEnd) }
    if let at = plan.reloadsAt { later(at, .reload) }
    if generator.happens(30) { later(generator.moment(), .timeTooEarly) }
    while violation == nil, let happening = next() {
      stepCount += 1
      happens(happening)
      keepsPromises()
    }
    if violation == nil { keepsPromisesAtEnd() }
  }

  func later(_ delay: Int, _ what: Happening) {
    queue.append((now + delay, generator.next(), what))
  }

  /// As `later`, and sometimes the client leaves in the same instant.
  func laterInRace(_ delay: Int, _ what: Happening) {
    later(delay, what)
    if generator.happens(2) { later(delay, .clientLeaves) }
  }

  /// What happens next: something in the world or, as nil inside, the time that the machine asked for.
  private func next() -> Happening?? {
    guard stepCount < Self.stepsMax else { return .none }
    let told = shell.machine.machine.deadline
    let alarm = told == .never ? Int.max : Int(min(told.nanoseconds.milliseconds, UInt64(Int32.max)))
    var first: Int?
    for index in queue.indices {
      if let best = first, (queue[best].at, queue[best].order) <= (queue[index].at, queue[index].order) { continue }
      first = index
    }
    guard let first, queue[first].at < alarm || (queue[first].at == alarm && queue[first].order & 1 == 0) else {
      guard alarm < Int.max else { return .none }
      now = max(now, alarm)
      return .some(nil)
    }
    let taken = queue.remove(at: first)
    now = max(now, taken.at)
    return .some(taken.what)
  }

  func violated(_ what: ExchangeViolation, _ detail: @autoclosure () -> String = "") {
    guard violation == nil else { return }
    violation = (what, "\(what.rawValue) at \(now) ms in \(shell.machine.machine.stage): \(detail())")
    note("VIOLATION \(violation?.detail ?? "")")
  }

  func note(_ text: @autoclosure () -> String) {
    guard trace != nil else { return }
    trace?.append("\(now) ms: \(text())")
  }
}

/// The other side of the request.
struct SimulatedClient {
  var isSlow = false
  var hasLeft = false
  /// The attempt of whose answer it has something.
  var attempt: Int?
  /// How many units of it.
  var units = 0
  /// A stream is open towards it.
  var isStreamOpen = false
}

extension UInt64 {
  /// Of nanoseconds, rounded up.
  var milliseconds: UInt64 { self / 1_000_000 + (self % 1_000_000 == 0 ? 0 : 1) }
}
