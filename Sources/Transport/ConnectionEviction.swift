internal import Reactor

/// Which connections go first when a newcomer finds all places taken: those that wait for nothing but their client.
///
/// First those between two requests, then those whose answer is sent and whose client is still sending, then unfinished heads; of each kind the
/// oldest. One look at all connections serves for the next `batchMax` that go, so that a storm of newcomers does not cost a look each.
struct ConnectionEviction {
  /// In the order in which they go.
  enum Kind: Int { case idle, lingering, readingHead }

  /// A connection that may go.
  struct Candidate: Equatable {
    let id: SlotID
    let kind: Kind
    /// Which is the older of its kind.
    let deadline: MonotonicTime

    func goesBefore(_ other: Candidate) -> Bool {
      kind == other.kind ? deadline < other.deadline : kind.rawValue < other.kind.rawValue
    }
  }

  static let batchMax = 64

  /// The first to go stands last.
  private var batch: [Candidate] = []

  /// The next to go; nil when the batch is used up.
  mutating func next() -> Candidate? { batch.popLast() }

  /// Takes those of `candidates` that go first.
  mutating func fill(_ candidates: some Sequence<Candidate>) {
    var chosen: [Candidate] = []
    for candidate in candidates {
      if chosen.count == Self.batchMax {
        guard let last = chosen.last, candidate.goesBefore(last) else { continue }
        chosen.removeLast()
      }
      let place = chosen.firstIndex { candidate.goesBefore($0) } ?? chosen.endIndex
      chosen.insert(candidate, at: place)
    }
    batch = chosen.reversed()
  }
}

extension DownstreamConnection {
  /// What of the connection may go for a newcomer, once it has lasted for `placeAgeMin`: a request that is under way, or most likely on its way, may not.
  func eviction(now: MonotonicTime) -> ConnectionEviction.Candidate? {
    let limits = context.limits
    let kind: ConnectionEviction.Kind
    let begun: Duration
    switch phase {
    case .readingHead where input.isEmpty: (kind, begun) = (.idle, limits.idleTimeout)
    case .readingHead: (kind, begun) = (.readingHead, limits.headTimeout)
    case .lingering: (kind, begun) = (.lingering, Self.lingerTimeout)
    case .readingBody, .responding, .closed: return nil
    }
    // It began `begun` before its deadline.
    guard deadline != .never, deadline + limits.placeAgeMin <= now + begun else { return nil }
    return ConnectionEviction.Candidate(id: id, kind: kind, deadline: deadline)
  }

  /// Gives its place to a newcomer. One whose head is unfinished is told so; whether it hears it is up to what it still sends.
  func evict(_ kind: ConnectionEviction.Kind) {
    if kind == .readingHead {
      let answer: StaticString = """
        HTTP/1.1 503 Service Unavailable\r
        content-type: application/json\r
        content-length: 177\r
        retry-after: 1\r
        connection: close\r
        \r
        {"error":{"message":"The gateway's connection limit is reached; the slowest requests were \
        dropped. Retry later.","type":"server_error","param":null,"code":"gateway_overloaded"}}
        """
      _ = stream.send(UnsafeRawBufferPointer(start: answer.utf8Start, count: answer.utf8CodeUnitCount))
    }
    close()
  }
}

extension DownstreamContext {
  /// Has up to `count` connections give way that wait for nothing but their client.
  ///
  /// - Returns: whether any did.
  @discardableResult
  func evict(atMost count: Int) -> Bool {
    var evicted = 0
    var hasLooked = false
    while evicted < count {
      guard let candidate = evictions.next() else {
        guard !hasLooked else { break }
        hasLooked = true
        fillEvictions()
        continue
      }
      // It may have gone on since the look, or be about to.
      guard let connection = connection(candidate.id), connection.eviction(now: reactor.now) == candidate,
        candidate.kind != .idle || !connection.stream.hasInput
      else { continue }
      connection.evict(candidate.kind)
      noteEvicted(candidate.kind)
      evicted += 1
    }
    return evicted > 0
  }
}
