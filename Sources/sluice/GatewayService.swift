import Admin
import Gateway
import GatewayConfiguration
import Glibc
import Logging
import Reactor
import ServiceLifecycle
import UnixSignals

/// The gateway as a service: starts, reloads on SIGHUP and when the file changes, drains on SIGTERM.
struct GatewayService: Service {
  let source: ConfigurationSource
  let settings: GatewaySettings
  let logger: Logger
  /// Where vocabularies are.
  var store = VocabularyStore(given: nil)
  /// Called once the ports are open.
  var started: @Sendable (Gateway) async -> Void = { _ in }

  func run() async throws {
    ProcessLimits.returnLargeBlocks()
    let descriptors = ProcessLimits.raiseDescriptorLimit()
    let count = settings.server.reactors > 0 ? settings.server.reactors : ProcessLimits.processorCount
    let group = try ReactorGroup(
      count: count, processors: settings.server.pinThreads ? Array(0..<ProcessLimits.processorCount) : [])
    let sink = try LogSink(file: settings.log.accessFile)
    var vocabularies = VocabularyLoader(store: store, logger: logger)
    let gateway = try await Gateway.start(
      settings, on: group, sink: sink, shelf: vocabularies.shelf(for: settings), dataDirectory: store.directory,
      logger: logger)
    let reloader = Reloader(source: source, gateway: gateway, vocabularies: vocabularies, logger: logger)
    var admin: AdminServer?
    if let listen = settings.admin?.listen {
      admin = try await AdminServer.start(listen, gateway: gateway) { await reloader.reload(because: "asked by admin") }
    }
    try DescriptorLimit.check(connectionsWanted: settings.server.connectionsMax, logger: logger)
    logger.info(
      "listening",
      metadata: [
        "addresses": "\(gateway.addresses.map { "\($0)" }.joined(separator: ", "))",
        "admin": "\(admin?.address ?? "off")", "reactors": "\(count)", "descriptors": "\(descriptors)",
      ])
    await started(gateway)

    let watcher = await watch(on: group.reactors[0])
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        for await _ in await UnixSignalsSequence(trapping: .sighup) { _ = await reloader.reload(because: "SIGHUP") }
      }
      if let watcher {
        tasks.addTask {
          for await _ in watcher.changes { _ = await reloader.reload(because: "the file changed") }
        }
      }
      tasks.addTask { try? await gracefulShutdown() }
      // Whichever ends first is the shutdown: the other two never end by themselves.
      await tasks.next()
      tasks.cancelAll()
    }

    let deadline = gateway.settings.server.drain
    let active = await gateway.activeCount()
    logger.info("draining", metadata: ["deadline": "\(deadline)", "active": "\(active)"])
    let cut = await gateway.drain(within: deadline)
    logger.info("drained", metadata: ["cut": "\(cut)"])
    await gateway.shutDown()
    await admin?.shutDown()
    group.shutDown()
    sink.close()
  }
}

extension GatewayService {
  /// Watches the configuration file, if there is one. Where the system refuses that, a reload must be asked for.
  private func watch(on reactor: Reactor) async -> FileWatcher? {
    guard let file = source.file else { return nil }
    do {
      return try await FileWatcher.start(file: file, reactor: reactor)
    } catch {
      logger.warning(
        "the configuration file is not watched; reload it with SIGHUP", metadata: ["problem": "\(error)"])
      return nil
    }
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
  private var isAskedAgain = false

  /// Reloads; an invalid configuration changes nothing and says why.
  func reload(because reason: String) async -> (taken: Bool, words: String) {
    // The actor lets others in while it waits: the last one to ask is served by one more round.
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

  private func reloadOnce(_ reason: String) async -> (taken: Bool, words: String) {
    do {
      let settings = try source.load()
      let restart = gateway.settings.changes(to: settings).filter { $0.reload == .restart }.map(\.path)
      try await gateway.reload(settings, shelf: vocabularies.shelf(for: settings))
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
}
