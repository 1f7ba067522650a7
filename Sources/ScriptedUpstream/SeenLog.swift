internal import Reactor

/// Remembers what happened, for tests. Its lock is taken per connection and per request, never per event.
final class SeenLog: Sendable {
  private let state = Locked(SeenSnapshot())
  private let keptMax: Int

  init(keptMax: Int) { self.keptMax = keptMax }

  var snapshot: SeenSnapshot {
    state.withLock { state in
      var copy = state
      copy.requests = state.requests.suffix(keptMax)
      copy.cancels = state.cancels.suffix(keptMax)
      return copy
    }
  }

  func reset() {
    state.withLock { state in
      let open = state.connectionsOpen
      state = SeenSnapshot()
      state.connectionsOpen = open
    }
  }

  /// Counts a connection.
  func connectionOpened() {
    state.withLock { state in
      state.connectionsOpened += 1
      state.connectionsOpen += 1
    }
  }

  /// Takes the count back: the connection turned out to be one that looks at the log.
  func connectionIsControl() {
    state.withLock { state in
      // After a reset it is no longer among the opened ones.
      state.connectionsOpened = max(0, state.connectionsOpened - 1)
      state.connectionsOpen -= 1
    }
  }

  func connectionClosed() {
    state.withLock { state in
      state.connectionsClosed += 1
      state.connectionsOpen -= 1
    }
  }

  func requestMalformed() { state.withLock { $0.requestsMalformed += 1 } }

  func request(_ request: @autoclosure () -> SeenRequest) {
    let request = keptMax > 0 ? request() : nil
    state.withLock { state in
      state.requestsTotal += 1
      guard let request else { return }
      state.requests.append(request)
      // Trimmed only when twice full, so that trimming costs nothing on average.
      if state.requests.count >= 2 * keptMax { state.requests.removeFirst(keptMax) }
    }
  }

  func answered(isWhole: Bool, tokens: Int) {
    state.withLock { state in
      if isWhole { state.answersCompleted += 1 } else { state.answersCut += 1 }
      state.tokensSent += tokens
    }
  }

  func cancelled(_ cancel: SeenCancel) {
    state.withLock { state in
      state.cancelsTotal += 1
      state.tokensSent += cancel.tokensSent
      guard keptMax > 0 else { return }
      state.cancels.append(cancel)
      if state.cancels.count >= 2 * keptMax { state.cancels.removeFirst(keptMax) }
    }
  }
}
