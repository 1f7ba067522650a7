import Reactor

/// A lean OpenAI-compatible server for load: two answers and a model list, known beforehand.
///
/// With a gap, each stream has its own timer. Without, every open stream sends one event a turn of the loop, as many models that
/// answer at once would, instead of one stream pouring out all of its events in one go.
final class UpstreamServer {
  let reactor: Reactor
  let answers: UpstreamAnswers
  let gap: Duration
  private var listener: Listener?
  private var bursting: [UpstreamConnection] = []
  private var isBurstDue = false

  init(_ reactor: Reactor, _ answers: UpstreamAnswers, gap: Duration) {
    self.reactor = reactor
    self.answers = answers
    self.gap = gap
  }

  /// Starts to listen; gives back where.
  func listen(on address: SocketAddress) throws -> SocketAddress {
    let descriptor = try Socket.listen(on: address)
    let listener = Listener(reactor: reactor, descriptor: descriptor, address: address) { [unowned self] accepted, _ in
      UpstreamConnection(self, accepted).begin()
    }
    self.listener = listener
    return listener.address
  }

  /// Has `connection` send its next event: when it is due, or in the next turn.
  func scheduleNext(_ connection: UpstreamConnection, due: MonotonicTime) {
    guard gap == .zero else {
      connection.timer = reactor.startTimer(at: due, connection)
      return
    }
    bursting.append(connection)
    if !isBurstDue {
      isBurstDue = true
      reactor.atEndOfTurn { [unowned self] in burst() }
    }
  }

  private func burst() {
    isBurstDue = false
    let due = bursting
    bursting.removeAll(keepingCapacity: true)
    for connection in due { connection.sendNext() }
  }
}
