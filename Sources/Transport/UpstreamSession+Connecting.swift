internal import Glibc
public import Reactor

/// From the first address to a connected session, TLS included.
extension UpstreamSession: TimerHandler {
  /// Begins to connect. The owner is told how it ended, never from inside this call.
  public func connect() {
    connectTimer = reactor.startTimer(at: connectDeadline, self)
    tryNextAddress(after: .connectFailed(ECONNREFUSED))
  }

  private func tryNextAddress(after error: TransportError) {
    var error = error
    while addressIndex < target.addresses.count {
      let address = target.addresses[addressIndex]
      addressIndex += 1
      do throws(SystemCallError) {
        stream = ByteStream(descriptor: try Socket.connect(to: address), tls: nil)
        phase = .connecting
        slot = try reactor.register(stream.descriptor, .writable, self)
        return
      } catch let callError {
        // Opened, but not to be watched: as good as not opened.
        dropSocket()
        error = .connecting(callError.code)
      }
    }
    let final = error
    // Deferred: the owner is not called back from inside its own call.
    reactor.atEndOfTurn { [self] in failConnect(final) }
  }

  func connectEnded() {
    let code = Socket.connectError(stream.descriptor)
    guard code == 0 else {
      dropSocket()
      return tryNextAddress(after: .connectFailed(code))
    }
    guard let tls = target.tls else { return becomeConnected() }
    do throws(TransportError) {
      stream.tls = try tls.makeSession(stream.descriptor)
      phase = .shakingHands
      continueHandshake()
    } catch {
      failConnect(error)
    }
  }

  func continueHandshake() {
    guard let tls = stream.tls, let slot else { return }
    switch tls.handshake() {
    case .done: becomeConnected()
    case .wantsRead: reactor.setInterest(slot, .readable)
    case .wantsWrite: reactor.setInterest(slot, .writable)
    case .failed(let reason): failConnect(.tlsFailed(reason))
    }
  }

  private func becomeConnected() {
    if let connectTimer { reactor.cancelTimer(connectTimer) }
    connectTimer = nil
    phase = .idle
    idleSince = reactor.now
    if let slot { reactor.setInterest(slot, .readable) }
    owner?.sessionConnected(self)
  }

  private func failConnect(_ error: TransportError) {
    guard !isClosed else { return }
    close()
    owner?.sessionConnectFailed(self, error)
  }

  /// The connect time-out.
  public func timerFired(token: UInt32) {
    switch phase {
    case .connecting, .shakingHands: failConnect(.connectTimedOut)
    default: break
    }
  }
}
