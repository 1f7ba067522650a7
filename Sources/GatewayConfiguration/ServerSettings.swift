/// The data port: where it listens, how many requests it holds, and how long it waits for whom.
public struct ServerSettings: Sendable, Equatable {
  /// Addresses to listen on.
  public var listen: [ListenAddress] = [ListenAddress(host: "0.0.0.0", port: 8080)]
  /// Event loops, each with a thread and a listener of its own; 0 means one per processor.
  public var reactors = 0
  /// True pins each event loop's thread to one processor.
  public var pinThreads = false
  /// How long running streams may go on after SIGTERM.
  public var drain: Duration = .seconds(30)
  /// Client connections held at once, over the whole process.
  public var connectionsMax = 65_536
  /// Connections that one client address may hold, an IPv6 network of 64 bits being one; 0 for no such bound.
  public var connectionsPerClient = 0
  /// Subjects of limits that each event loop keeps apart at once, over all limits.
  public var maxLimitSubjects = 1_000_000
  /// Bytes of one request body.
  public var bodyBytesMax = 32 * 1024 * 1024
  /// Bytes of all request bodies that are held at once; nil is a quarter of the machine's or the container's memory.
  public var bodyMemory: Int?
  /// The least rate of a request body, in bytes per second; 0 for none.
  public var minBodyRate = 1024
  /// Bytes of a request line with all header fields.
  public var headBytesMax = 16 * 1024
  /// Header fields in one request.
  public var headerCountMax = 100
  /// How long a client may take.
  public var timeouts = ServerTimeouts()
  /// Peers whose `X-Forwarded-For` is believed.
  public var trustedProxies: [CIDR] = []
  /// True adds the field that clients of Higress read to refusals by token limits.
  public var higressHeaders = false

  /// The defaults.
  public init() {}
}

/// How long a client may take for each part of a request.
public struct ServerTimeouts: Sendable, Equatable {
  /// From the first byte of a request to the end of its head.
  public var head: Duration = .seconds(15)
  /// Between two pieces of a request body; progress starts it anew.
  public var body: Duration = .seconds(15)
  /// Between an answer and the next request on a kept connection.
  public var idle: Duration = .seconds(75)
  /// For how long a client may read nothing while bytes wait for it.
  public var write: Duration = .seconds(60)

  /// The defaults.
  public init() {}
}
