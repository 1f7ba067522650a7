import Admin
import Gateway
import GatewayConfiguration
import Glibc
import Logging
import Reactor
import TokenAccounting

/// The gateway as a process: starts, reloads on SIGHUP and when the file changes, drains on SIGTERM.
struct GatewayService {
  let source: ConfigurationSource
  let settings: GatewaySettings
  let logger: Logger
  let signals: ProcessSignals
  /// Watches the configuration's file since before `settings` were read from it; nil when there is none, or it cannot be watched.
  var watcher: Result<FileWatcher, SystemCallError>?
  /// Where vocabularies are.
  var store = VocabularyStore(given: nil)
  /// Called once the ports are open.
  var started: @Sendable (Gateway) async -> Void = { _ in }

  /// What the end may take beyond `server.drain`.
  private static let endMargin = Duration.seconds(10)

  func run() async throws {
    ProcessLimits.returnLargeBlocks()
    let descriptors = ProcessLimits.raiseDescriptorLimit()
    let count = settings.server.reactors > 0 ? settings.server.reactors : ProcessLimits.processorCount
    let group = try ReactorGroup(
      count: count, processors: settings.server.pinThreads ? Array(0..<ProcessLimits.processorCount) : [])
    let sink = try LogSink(file: settings.log.accessFile)
    var vocabularies = VocabularyLoader(store: store, logger: logger)
    let shelf = vocabularies.shelf(for: settings)
    let sockets = ListeningSockets(handsOver: true, logger: logger)
    if let listen = settings.admin?.listen { try AdminServer.open(listen, sockets) }
    // From here on there may be clients.
    signals.deferEnd()
    let gateway = try await Gateway.start(
      settings, on: group, sink: sink, shelf: shelf, dataDirectory: store.directory, sockets: sockets, logger: logger)
    let reloader = Reloader(source: source, gateway: gateway, vocabularies: vocabularies, logger: logger)
    var admin: AdminServer?
    if let listen = settings.admin?.listen {
      admin = try await AdminServer.start(listen, gateway: gateway, sockets: sockets) {
        await reloader.reload(because: "asked by admin")
      }
    }
    try DescriptorLimit.check(connectionsWanted: settings.server.connectionsMax, logger: logger)
    await sockets.beginHandingOver(on: group.reactors[0]) { [admin] in admin?.successorChanged($0, isTaken: $1) }
    signals.setLimit(settings.server.drain + Self.endMargin)
    logger.info(
      "listening",
      metadata: [
        "addresses": "\(gateway.addresses.map { "\($0)" }.joined(separator: ", "))",
        "admin": "\(admin?.address ?? "off")", "reactors": "\(count)", "descriptors": "\(descriptors)",
      ])
    await started(gateway)

    watchFile(reloader)
    await serveSignals(gateway, sink, reloader)

    let deadline = gateway.settings.server.drain
    signals.setLimit(deadline + Self.endMargin)
    let active = await gateway.activeCount()
    logger.info("draining", metadata: ["deadline": "\(deadline)", "active": "\(active)"])
    let hurrying = Task { [signals] in
      while true {
        let requests = await signals.next()
        if requests.isEmpty { return }
        if requests.contains(.endNow) { gateway.hurry() }
      }
    }
    let cut = await gateway.drain(within: deadline)
    hurrying.cancel()
    logger.info("drained", metadata: ["cut": "\(cut)"])
    await reloader.stop(within: .seconds(1))
    await gateway.shutDown()
    await admin?.shutDown()
    group.shutDown()
    sink.close()
  }

  /// Watches the configuration file, if there is one. Where the system refuses that, a reload must be asked for.
  private func watchFile(_ reloader: Reloader) {
    switch watcher {
    case .success(let watcher):
      // Not waited for at the end: nothing that a reload hangs in may delay it.
      Task { for await _ in watcher.changes { _ = await reloader.reload(because: "the file changed") } }
    case .failure(let problem):
      logger.warning(
        "the configuration file is not watched; reload it with SIGHUP", metadata: ["problem": "\(problem)"])
    case nil: break
    }
  }

  /// Does what signals ask for, until one asks for the end.
  private func serveSignals(_ gateway: Gateway, _ sink: LogSink, _ reloader: Reloader) async {
    while true {
      let requests = await signals.next()
      if requests.contains(.endNow) { gateway.hurry() }
      if requests.contains(.end) || requests.isEmpty { return }
      if requests.contains(.reopenLogs) { reopenLogs(sink) }
      if requests.contains(.reload) { Task { await reloader.reload(because: "SIGHUP") } }
      if requests.contains(.report) { Task { await report(gateway) } }
    }
  }

  private func reopenLogs(_ sink: LogSink) {
    sink.reopen { [logger] file, problem in
      if let problem {
        logger.error("log file not reopened; the old one stays in use", metadata: ["problem": "\(problem)"])
      } else {
        logger.info("log file reopened", metadata: ["file": "\(file)"])
      }
    }
  }

  private func report(_ gateway: Gateway) async {
    let connections = await gateway.connectionCount()
    let active = await gateway.activeCount()
    logger.info(
      "status",
      metadata: [
        "ready": "\(gateway.isReady)", "generation": "\(gateway.generation)", "connections": "\(connections)",
        "active_requests": "\(active)", "log_pieces_dropped": "\(gateway.logPiecesDropped)",
      ])
  }
}

/// Reads the configuration again and has the gateway take it; one at a time.
actor Reloader {
  private let source: ConfigurationSource
  private let gateway: Gateway
  private var vocabularies: VocabularyLoader
  private let logger: Logger

  init(source: ConfigurationSource, gateway: Gateway, vocabularies: VocabularyLoader, logger: Logger) {
    self.source = source
    self.gateway = gateway
    self.vocabularies = vocabularies
    self.logger = logger
  }

  private var isReloading = false
  private var isStopped = false
  private var isAskedAgain = false

  /// Reloads; an invalid configuration changes nothing and says why.
  func reload(because reason: String) async -> (taken: Bool, words: String) {
    // The actor lets others in while it waits: the last one to ask is served by one more round.
    guard !isStopped else { return (false, "The gateway is shutting down.") }
    guard !isReloading else {
      isAskedAgain = true
      return (true, "A reload is under way; the configuration will be read again after it.")
    }
    isReloading = true
    defer { isReloading = false }
    var result = await reloadOnce(reason)
    while isAskedAgain {
      isAskedAgain = false
      result = await reloadOnce(reason)
    }
    return result
  }

  /// Takes no further reloads, and waits for the one under way, if it comes back: what it asks of reactors must be answered before they end.
  func stop(within patience: Duration) async {
    isStopped = true
    isAskedAgain = false
    let deadline = MonotonicTime.readClock() + patience
    while isReloading, MonotonicTime.readClock() < deadline { try? await Task.sleep(for: .milliseconds(5)) }
  }

  private func reloadOnce(_ reason: String) async -> (taken: Bool, words: String) {
    do {
      let (settings, shelf) = try await read()
      let restart = gateway.settings.changes(to: settings).filter { $0.reload == .restart }.map(\.path)
      try await gateway.reload(settings, shelf: shelf)
      var metadata: Logger.Metadata = ["reason": "\(reason)", "generation": "\(gateway.generation)"]
      if !restart.isEmpty { metadata["needs_restart"] = "\(restart.joined(separator: ", "))" }
      logger.info("configuration reloaded", metadata: metadata)
      let note = restart.isEmpty ? "" : " These keys take effect at the next start: \(restart.joined(separator: ", "))."
      return (true, "Configuration \(gateway.generation) is at work.\(note)")
    } catch {
      logger.error(
        "configuration refused; the old one stays at work", metadata: ["reason": "\(reason)", "problem": "\(error)"])
      return (false, "\(error)")
    }
  }

  /// How long reading may take, large vocabularies and a busy machine included.
  private static let patience = Duration.seconds(60)

  /// Reads what a configuration needs, on a thread that may wait for disks.
  private func read() async throws -> (GatewaySettings, VocabularyShelf) {
    let done = await BlockingWork.result(within: Self.patience) { [source, vocabularies] in
      Result {
        var vocabularies = vocabularies
        let settings = try source.load()
        return (settings, vocabularies.shelf(for: settings), vocabularies)
      }
    }
    guard let done else { throw SourceError("The configuration's files were not read within \(Self.patience).") }
    let (settings, shelf, vocabularies) = try done.get()
    self.vocabularies = vocabularies
    return (settings, shelf)
  }
}
