internal import Glibc
internal import Reactor
internal import Transport

/// From rest to the server's welcome.
extension RedisConnection {
  /// What is said to a server before anything else.
  enum Greeting { case authenticate, name, select, ping, role }

  /// Begins, now or when the rest is over.
  func start() {
    guard case .resting(let until) = phase else { return }
    if until > reactor.now {
      connectTimer = reactor.startTimer(at: until, self, token: TimerToken.rest.rawValue)
    } else {
      // Deferred: the owner is not called back from inside its own call.
      reactor.atEndOfTurn { [self] in begin() }
    }
  }

  /// The rest is over.
  func begin() {
    guard case .resting = phase else { return }
    phase = .locating
    connectTimer = nil
    switch target {
    case .endpoint(let endpoint): located(endpoint)
    case .master(let locator):
      locator.locate { [weak self] endpoint in
        guard let self, phase == .locating else { return }
        guard let endpoint else { return end(.masterUnknown) }
        located(endpoint)
      }
    }
  }

  private func located(_ endpoint: RedisEndpoint) {
    self.endpoint = endpoint
    connectTimer = reactor.startTimer(
      at: reactor.now + context.settings.connectTimeout, self, token: TimerToken.connect.rawValue)
    context.resolver.resolve(
      endpoint.host, port: endpoint.port, timeToLive: context.settings.addressTimeToLive, now: reactor.now, on: reactor
    ) { [weak self] answer in
      guard let self, phase == .locating else { return }
      switch answer {
      case .success(let found):
        addresses = found
        tryNextAddress(after: .connectFailed(ECONNREFUSED))
      case .failure(let error): end(.transport(error))
      }
    }
  }

  private func tryNextAddress(after error: TransportError) {
    var error = error
    while !addresses.isEmpty {
      let address = addresses.removeFirst()
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
    end(.transport(error))
  }

  func connectEnded() {
    let code = Socket.connectError(stream.descriptor)
    guard code == 0 else {
      dropSocket()
      return tryNextAddress(after: .connectFailed(code))
    }
    do throws(TransportError) {
      guard let host = endpoint?.host, let tls = try context.tls(for: host) else { return greet() }
      stream.tls = try tls.makeSession(stream.descriptor)
      phase = .securing
      continueHandshake()
    } catch {
      end(.transport(error))
    }
  }

  func continueHandshake() {
    guard let tls = stream.tls, let slot else { return }
    switch tls.handshake() {
    case .done: greet()
    case .wantsRead: reactor.setInterest(slot, .readable)
    case .wantsWrite: reactor.setInterest(slot, .writable)
    case .failed(let reason): end(.transport(.tlsFailed(reason)))
    }
  }

  // MARK: The greeting

  /// All of it goes out in one write; commands follow only when the server has agreed to all of it.
  private func greet() {
    phase = .greeting
    if let slot { reactor.setInterest(slot, .readable) }
    if let credentials {
      var command = RedisCommand("AUTH")
      if let user = credentials.user { command.append(user) }
      command.append(credentials.password)
      say(.authenticate, command)
    }
    say(.name, RedisCommand("CLIENT", "SETNAME", context.settings.clientName))
    if database != 0 { say(.select, RedisCommand("SELECT", String(database))) }
    // A server that still reads its data from disk answers LOADING.
    say(.ping, RedisCommand("PING"))
    if case .master = target { say(.role, RedisCommand("ROLE")) }
    flush()
  }

  private func say(_ greeting: Greeting, _ command: RedisCommand) {
    greetings.append(greeting)
    write(greeting: command)
  }

  /// One answer of the greeting. The server's words are not kept: an error may quote the password.
  func greeted(_ reply: RedisReply) {
    guard let greeting = greetings.popFirst() else { return end(.violation(.unexpectedReply)) }
    if let loss = Self.loss(greeting, reply) { return end(loss) }
    guard greetings.isEmpty else { return }
    if let connectTimer { reactor.cancelTimer(connectTimer) }
    connectTimer = nil
    release()
  }

  private static func loss(_ greeting: Greeting, _ reply: RedisReply) -> RedisLoss? {
    guard case .error(let error) = reply else {
      guard greeting == .role else { return nil }
      return reply.elements?.first?.text == "master" ? nil : .notMaster
    }
    let code = error.code
    guard code != "NOAUTH" else { return .authentication(code: code) }
    switch greeting {
    case .authenticate: return code == "LOADING" ? .notServing(code: code) : .authentication(code: code)
    case .select: return .database(code: code)
    // A name is a courtesy.
    case .name: return nil
    // An ACL user need not be allowed these.
    case .ping, .role: return code == "NOPERM" ? nil : .notServing(code: code)
    }
  }
}
