public import Transport

/// Why a command has no reply. No case holds a secret, an argument or a key of the caller's.
public enum RedisError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The server answered with an error; the command may have had effects only if a script failed halfway.
  case server(RedisServerError)
  /// No reply within the command's deadline. `mayHaveRun`: it had left, and may have run or run yet.
  case deadlineExceeded(mayHaveRun: Bool)
  /// The connection broke or was closed before the reply.
  case connectionLost(RedisLoss, mayHaveRun: Bool)
  /// There is no connection, and none is expected within the command's deadline; why the last attempt failed. It did not run.
  case notConnected(RedisLoss?)
  /// The breaker is open: the server has failed several times and has not been found well since. It did not run.
  case breakerOpen
  /// `commandsInFlightMax` commands wait already. It did not run.
  case tooManyCommands(commandsMax: Int)
  /// `bytesWaitingMax` bytes wait already. It did not run.
  case tooManyBytes(bytesMax: Int)
  /// The command is longer than `commandBytesMax`. It did not run.
  case commandTooLong(bytesMax: Int)
  /// A cluster sent the command on more than `redirectsMax` times. It did not run.
  case tooManyRedirects
  /// No node of the cluster serves the key's slot, or none can tell who does. It did not run.
  case slotNotServed
  /// The client was closed. It did not run.
  case closed

  /// Whether the command may have had, or may yet have, an effect on the server.
  public var mayHaveRun: Bool {
    switch self {
    case .deadlineExceeded(let mayHaveRun), .connectionLost(_, let mayHaveRun): mayHaveRun
    case .server(let error): !error.isRefusal
    case .notConnected, .breakerOpen, .tooManyCommands, .tooManyBytes, .commandTooLong, .tooManyRedirects,
      .slotNotServed, .closed:
      false
    }
  }

  /// What happened.
  public var description: String {
    switch self {
    case .server(let error): "Redis answered an error: \(error)"
    case .deadlineExceeded: "Redis did not answer within the deadline"
    case .connectionLost(let loss, _): "the connection to Redis was lost: \(loss)"
    case .notConnected(let loss): "no connection to Redis" + (loss.map { ": \($0)" } ?? " yet")
    case .breakerOpen: "Redis failed repeatedly and is not asked for a while"
    case .tooManyCommands(let most): "\(most) commands wait for Redis already"
    case .tooManyBytes(let most): "\(most) bytes wait for Redis already"
    case .commandTooLong(let most): "a Redis command of more than \(most) bytes"
    case .tooManyRedirects: "the Redis Cluster sends the command from node to node"
    case .slotNotServed: "no node of the Redis Cluster serves the key"
    case .closed: "the Redis client is closed"
    }
  }
}

/// Why a connection could not be made, or ended.
public enum RedisLoss: Error, Equatable, Sendable, CustomStringConvertible {
  /// Name, TCP or TLS.
  case transport(TransportError)
  /// No welcome within `connectTimeout`.
  case connectTimedOut
  /// The server does not accept user and password, or wants some; its code.
  case authentication(code: String)
  /// The server refuses the database; its code.
  case database(code: String)
  /// The server is there but cannot serve yet (`LOADING`, `MASTERDOWN`, …); its code.
  case notServing(code: String)
  /// The server is not the master that it was said to be.
  case notMaster
  /// No sentinel could tell the master's address.
  case masterUnknown
  /// The server closed the connection.
  case closedByServer
  /// The server's bytes are no acceptable replies.
  case violation(ReplyViolation)
  /// No reply for `replyTimeMax`.
  case stuck
  /// It became a replica, or was taken out of the cluster.
  case replaced
  /// The client was closed.
  case closed

  /// What happened, and what to do about it where that is known.
  public var description: String {
    switch self {
    case .transport(let error): error.description
    case .connectTimedOut: "no welcome within the connect timeout"
    case .authentication(let code):
      "the server does not accept the user and password, or their absence (\(code)): check them in the Redis URL"
    case .database(let code): "the server does not let the database be selected (\(code))"
    case .notServing(let code): "the server cannot serve yet (\(code))"
    case .notMaster: "the server is not the master"
    case .masterUnknown:
      "no sentinel told the master's address: check the sentinels' addresses and password and the master's name"
    case .closedByServer: "the server closed the connection"
    case .violation(let violation): "the server sent \(violation)"
    case .stuck: "the server stopped answering"
    case .replaced: "the server is no longer in charge"
    case .closed: "the client was closed"
    }
  }
}

extension RedisServerError {
  /// Codes by which a server says that it has not run a command.
  package var isRefusal: Bool {
    switch code {
    case "NOSCRIPT", "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "CROSSSLOT", "LOADING", "MASTERDOWN", "READONLY",
      "NOAUTH", "NOPERM", "WRONGPASS", "BUSY", "OOM", "MISCONF", "NOREPLICAS", "NOPROTO":
      true
    default: false
    }
  }

  /// Codes by which a server says that it cannot serve anybody now: they count against its breaker.
  package var isUnavailability: Bool {
    switch code {
    case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "READONLY", "BUSY", "OOM", "MISCONF", "NOREPLICAS", "NOAUTH": true
    default: false
    }
  }
}
