import RateLimiting
import TestKit

/// The lease scheme on a virtual clock.
struct LeaseSimulation {
  private let scenario: SimulationScenario
  private let terms: LeaseTerms
  private var nodes: [LeaseNode]
  private var store: SimulatedStore
  private var demand: Demand
  private var monitor: DeliveryMonitor
  private var result = SimulationResult()
  private var now = 0
  private var running = 0
  /// Ends by time: whoever ended lately may not be paid yet.
  private var ended: [(time: Int, count: Int)] = []
  private var endedFirst = 0
  private var endedCount = 0
  private let unpaidMilliseconds: Int

  init(_ scenario: SimulationScenario, seed: UInt64) {
    self.scenario = scenario
    terms = scenario.terms
    nodes = Array(repeating: LeaseNode(), count: scenario.nodes)
    store = SimulatedStore(scenario)
    demand = Demand(scenario, seed: seed)
    monitor = DeliveryMonitor(rate: terms.bucket.rate, windowMilliseconds: 60_000)
    unpaidMilliseconds = 4000 + scenario.longestAbsence
  }

  mutating func run() -> SimulationResult {
    var last = -1
    while now < scenario.milliseconds {
      for node in store.apply(from: last, to: now) { crash(node) }
      for reply in store.arrived(now) { answered(reply) }
      for arrival in demand.arrivals(at: now) { arrive(arrival.request, arrival.node) }
      for node in nodes.indices where !nodes[node].isQuiet || nodes[node].ledger.isAsking { turn(node) }
      note()
      last = now
      now += scenario.stepMilliseconds
    }
    result.worstWindow = monitor.worstWindow
    result.worstExcess = monitor.worstExcess
    result.delivered = monitor.total
    result.calls = store.calls
    result.milliseconds = scenario.milliseconds
    result.bound = scenario.bound(result)
    return result
  }

  private mutating func note() {
    while endedFirst < ended.count, ended[endedFirst].time < now - unpaidMilliseconds {
      endedCount -= ended[endedFirst].count
      endedFirst += 1
    }
    result.peakRunning = max(result.peakRunning, running)
    result.peakStreams = max(result.peakStreams, running + endedCount)
    if scenario.nodes <= 64 {
      result.peakHeld = max(result.peakHeld, nodes.reduce(0) { $0 + $1.held })
    }
  }

  private mutating func crash(_ node: Int) {
    guard nodes.indices.contains(node) else { return }
    result.lost += nodes[node].streams.count
    for stream in nodes[node].streams { demand.ended(stream.request, isRefused: true, at: now) }
    for request in nodes[node].waiting.values { demand.ended(request, isRefused: true, at: now) }
    noteEnds(nodes[node].streams.count)
    let incarnation = nodes[node].incarnation + 1
    nodes[node] = LeaseNode()
    nodes[node].incarnation = incarnation
  }

  private mutating func noteEnds(_ count: Int) {
    running -= count
    endedCount += count
    ended.append((now, count))
  }

  private mutating func answered(_ reply: SimulatedStore.Reply) {
    let index = reply.node
    guard nodes[index].incarnation == reply.incarnation else { return }
    // A late answer still counts for the ledger; the breaker has judged already.
    let isLate = now - nodes[index].askedAt > LeaseNode.timeoutMilliseconds + scenario.stepMilliseconds
    if !isLate { _ = nodes[index].breaker.answered() }
    if nodes[index].ledger.answered(reply.reply, sequence: reply.sequence, terms, now: now) { serve(index) }
  }

  private mutating func arrive(_ request: LeaseNode.Request, _ index: Int) {
    guard request.guess <= scenario.limit, admits(request, index) else { return refuse(request) }
    let condition = nodes[index].breaker.condition
    let need = request.guess + ahead(request, index)
    if !nodes[index].queue.mustWait(isRunning: false),
      nodes[index].ledger.draw(need, terms, now: now, condition)
    {
      begin(request, index, drawn: need)
    } else if nodes[index].queue.append(
      id: request.id, isRunning: false, need: need, deadline: now + scenario.waitMilliseconds)
    {
      nodes[index].waiting[request.id] = request
      turn(index)
    } else {
      refuse(request)
    }
  }

  private mutating func refuse(_ request: LeaseNode.Request) {
    result.rejected += 1
    demand.ended(request, isRefused: true, at: now)
  }

  private func admits(_ request: LeaseNode.Request, _ index: Int) -> Bool {
    guard scenario.looksAhead else { return true }
    let node = nodes[index]
    let expected = expected(request, index)
    let horizon =
      scenario.answers == .onePiece ? node.expectation.milliseconds(for: expected) : node.expectation.milliseconds
    return node.lookAhead.admits(
      prompt: request.guess, output: expected, horizonMilliseconds: horizon, node.ledger, terms, now: now)
  }

  /// Output to reckon with.
  private func expected(_ request: LeaseNode.Request, _ index: Int) -> Int {
    let learned = nodes[index].expectation
    return scenario.answers == .onePiece
      ? OutputReserve.onePiece(maxTokens: request.maxTokens, outputMax: nil, learned)
      : learned.expected(maxTokens: request.maxTokens)
  }

  /// Output that is drawn with the prompt.
  private func ahead(_ request: LeaseNode.Request, _ index: Int) -> Int {
    let most = OutputReserve.most(terms.bucket)
    let output = expected(request, index)
    guard scenario.answers == .onePiece else {
      return OutputReserve.isDeepDebt(request.guess, most) ? output : scenario.outputAhead
    }
    return OutputReserve.drawn(output: output, ahead: scenario.outputAhead, prompt: request.guess, most: most)
  }

  private mutating func begin(_ request: LeaseNode.Request, _ index: Int, drawn: Int) {
    let expected = expected(request, index)
    nodes[index].lookAhead.began(output: expected)
    monitor.delivered(request.prompt, at: now)
    running += 1
    result.largest = max(result.largest, request.prompt + request.output)
    if scenario.answers == .onePiece { result.largestPiece = max(result.largestPiece, request.output) }
    nodes[index].streams.append(
      LeaseNode.Stream(
        request: request, beganAt: now, left: request.output,
        reserved: scenario.answers == .onePiece ? expected - min(expected, drawn - request.guess) : expected,
        allowance: Allowance(drawn - request.guess)))
  }

  /// A node's turn: its streams' events, who waits, and its talk with the store.
  private mutating func turn(_ index: Int) {
    if nodes[index].ledger.isAsking, now - nodes[index].askedAt >= LeaseNode.timeoutMilliseconds {
      nodes[index].ledger.failed(sequence: nodes[index].ledger.sequence, terms, now: now)
      _ = nodes[index].breaker.failed(now: now)
    }
    flow(index)
    for waiter in nodes[index].queue.expire(now: now) { giveUp(waiter, index) }
    if !nodes[index].queue.isEmpty { serve(index) }
    talk(index)
  }

  private mutating func talk(_ index: Int) {
    let need = nodes[index].queue.need
    var condition = nodes[index].breaker.condition
    guard !nodes[index].ledger.isAsking else { return }
    if condition == .away {
      // A probe carries whatever there is to say.
      guard nodes[index].breaker.maySend(now: now) else { return }
      condition = .present
    }
    guard
      case .ask(let request) = nodes[index].ledger.next(
        needing: need, waiting: nodes[index].queue.needInAll, isRunning: nodes[index].queue.first?.isRunning ?? true,
        isAlone: nodes[index].streams.isEmpty,
        terms, now: now, condition)
    else { return }
    nodes[index].askedAt = now
    store.send(
      request, node: index, incarnation: nodes[index].incarnation, now: now, answerWithin: scenario.stepMilliseconds / 2
    )
  }

  private mutating func flow(_ index: Int) {
    guard !nodes[index].streams.isEmpty else { return }
    let condition = nodes[index].breaker.condition
    var finished: [Int] = []
    for place in nodes[index].streams.indices where !nodes[index].streams[place].isWaiting {
      nodes[index].streams[place].thousandths += scenario.unitsPerSecond * scenario.stepMilliseconds
      let event = eventReady(nodes[index].streams[place])
      guard event > 0 else { continue }
      if scenario.answers != .onePiece {
        refill(place, index, condition)
        guard nodes[index].streams[place].allowance.standing != .dry else {
          pause(place, index)
          continue
        }
      }
      nodes[index].streams[place].thousandths %= 1000
      nodes[index].streams[place].left -= event
      _ = nodes[index].streams[place].allowance.spend(event)
      monitor.delivered(event, at: now)
      let reserved = min(event, nodes[index].streams[place].reserved)
      nodes[index].streams[place].reserved -= reserved
      nodes[index].lookAhead.came(reserved)
      if nodes[index].streams[place].left == 0 { finished.append(place) }
    }
    for place in finished.reversed() { end(place, index, wasCut: false) }
  }

  /// What the upstream has ready to pass on; 0 for nothing yet.
  private func eventReady(_ stream: LeaseNode.Stream) -> Int {
    let ready = stream.thousandths / 1000
    switch scenario.answers {
    case .streamed: return min(ready, stream.left)
    case .events(let units): return ready >= min(units, stream.left) ? min(units, stream.left) : 0
    case .onePiece: return ready >= stream.left ? stream.left : 0
    }
  }

  private mutating func refill(_ place: Int, _ index: Int, _ condition: StoreCondition) {
    guard nodes[index].streams[place].allowance.standing != .ample else { return }
    let drawn = nodes[index].ledger.drawSome(
      min(LeaseNode.drawMost, scenario.outputAhead), sharers: nodes[index].streams.count, terms, now: now, condition)
    nodes[index].streams[place].allowance.add(drawn)
  }

  private mutating func pause(_ place: Int, _ index: Int) {
    nodes[index].streams[place].isWaiting = true
    let need = 1 - nodes[index].streams[place].allowance.left
    _ = nodes[index].queue.append(
      id: nodes[index].streams[place].id, isRunning: true, need: need, deadline: now + scenario.waitMilliseconds)
  }

  private mutating func serve(_ index: Int) {
    let condition = nodes[index].breaker.condition
    while let waiter = nodes[index].queue.first {
      if let request = nodes[index].waiting[waiter.id], !admits(request, index) { return }
      guard nodes[index].ledger.draw(waiter.need, terms, now: now, condition) else { return }
      _ = nodes[index].queue.removeFirst()
      if let request = nodes[index].waiting.removeValue(forKey: waiter.id) {
        begin(request, index, drawn: waiter.need)
      } else if let place = nodes[index].streams.firstIndex(where: { $0.id == waiter.id }) {
        nodes[index].streams[place].isWaiting = false
        nodes[index].streams[place].allowance.add(waiter.need)
      }
    }
  }

  private mutating func giveUp(_ waiter: AdmissionQueue.Waiter, _ index: Int) {
    if let request = nodes[index].waiting.removeValue(forKey: waiter.id) {
      refuse(request)
    } else if let place = nodes[index].streams.firstIndex(where: { $0.id == waiter.id }) {
      end(place, index, wasCut: true)
    }
  }

  private mutating func end(_ place: Int, _ index: Int, wasCut: Bool) {
    var stream = nodes[index].streams.remove(at: place)
    let rest = stream.allowance.close()
    if rest >= 0 { nodes[index].ledger.giveBack(rest) } else { nodes[index].ledger.charge(-rest, now: now) }
    nodes[index].ledger.settle(charged: stream.request.guess, true: stream.request.prompt)
    nodes[index].lookAhead.ended(rest: stream.reserved, wasCut: wasCut, now: now)
    if !wasCut { nodes[index].expectation.ended(tokens: stream.request.output, milliseconds: now - stream.beganAt) }
    noteEnds(1)
    if wasCut { result.cut += 1 } else { result.done += 1 }
    demand.ended(stream.request, isRefused: wasCut, at: now)
  }
}
