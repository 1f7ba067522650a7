internal import Dispatch
internal import Foundation
internal import GRDB
internal import Reactor

/// Buckets on disk, in SQLite: what quotas and budgets of one process have left outlives it.
///
/// Changes are gathered and written by a thread of the archive's own, at most once in ``writePauseMilliseconds``; nobody waits for the disk. A process that
/// is killed loses what came since the last write. The journal is a write-ahead log with `synchronous = NORMAL`: a write survives the process' end,
/// and the last ones may not survive the machine's.
public final class BucketArchive: Sendable {
  /// Between two writes, at least: the most that a kill loses, but for the write that is under way.
  public static let writePauseMilliseconds = 50

  private struct Pending: Sendable {
    var buckets: [String: SavedBucket] = [:]
    var isScheduled = false
    var failure: StorageError?
  }

  /// The file.
  public let path: String
  private let database: DatabaseQueue
  private let pending = Locked(Pending())
  private let writer = DispatchQueue(label: "sluice.bucket-archive", qos: .utility)
  private let onFailure: @Sendable (StorageError?) -> Void

  /// A damaged file that was found and renamed when this one was opened.
  public let setAside: SetAsideArchive?

  /// Opens the file, or makes it, its directory included; both are for this user alone. A file that is damaged, or another program's, is renamed and begun anew with
  /// the rows of it that can be read.
  ///
  /// - Parameter onFailure: told once when writing begins to fail, and with nil when it succeeds again; on the writer's thread.
  public init(path: String, onFailure: @escaping @Sendable (StorageError?) -> Void = { _ in }) throws(StorageError) {
    self.path = path
    self.onFailure = onFailure
    do {
      try PrivateFiles.makeDirectory(URL(fileURLWithPath: path).deletingLastPathComponent().path)
      try PrivateFiles.makeFile(path)
      let (database, damage) = try Self.openSound(path)
      guard let damage else {
        (self.database, setAside) = (database, nil)
        return
      }
      let kept = damage.sound
      let name = try PrivateFiles.setAside(path)
      try PrivateFiles.makeFile(path)
      self.database = try Self.open(path)
      try self.database.write { try ArchiveTable.insert(kept, into: $0) }
      setAside = SetAsideArchive(path: path, renamed: name, cause: damage.cause, kept: kept.count)
    } catch let error as StorageError {
      throw error
    } catch {
      throw StorageError(attempt: "open", path: path, cause: "\(error)")
    }
  }

  /// What is wrong with a file, and what of it can be read.
  private struct Damage {
    let cause: String
    var sound: [SavedBucket] = []
  }

  /// Opens the file and looks whether it is what it should be.
  ///
  /// - Returns: the database as it is open; what is wrong with it, then it is closed.
  private static func openSound(_ path: String) throws -> (DatabaseQueue, Damage?) {
    do {
      let database = try open(path)
      guard let cause = try database.read(ArchiveTable.damage) else { return (database, nil) }
      let sound = (try? database.read(ArchiveTable.fetch)) ?? []
      try database.close()
      return (database, Damage(cause: cause, sound: sound))
    } catch let error as DatabaseError where error.isOfContents {
      return (try DatabaseQueue(), Damage(cause: "\(error)"))
    }
  }

  private static func open(_ path: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "buckets"
    // Another process that reads the file, a backup for instance, is waited for, on the writer's thread.
    configuration.busyMode = .timeout(1)
    configuration.prepareDatabase { database in
      _ = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
      try database.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF")
    }
    let database = try DatabaseQueue(path: path, configuration: configuration)
    try database.write(ArchiveTable.create)
    return database
  }

  /// All buckets that have not expired by `clock`; those that have are removed.
  public func load(clock: Int) throws(StorageError) -> [SavedBucket] {
    do {
      return try database.write { database in
        try database.execute(sql: "DELETE FROM bucket WHERE expiresAt <= ?", arguments: [clock])
        return try ArchiveTable.fetch(database)
      }
    } catch {
      throw StorageError(attempt: "read", path: path, cause: "\(error)")
    }
  }

  /// Keeps a bucket from the next write on. From any thread; costs a dictionary's change.
  public func put(_ bucket: SavedBucket) {
    let isFirst = pending.withLock { state in
      state.buckets[bucket.key] = bucket
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if isFirst { schedule() }
  }

  /// Writes what is pending and waits for it. For the process' end and for tests.
  public func flush() { writer.sync { write() } }

  private func schedule() {
    writer.asyncAfter(deadline: .now() + .milliseconds(Self.writePauseMilliseconds)) { [self] in
      pending.withLock { $0.isScheduled = false }
      write()
    }
  }

  /// On the writer's thread.
  private func write() {
    let buckets = pending.withLock { state in
      defer { state.buckets = [:] }
      return state.buckets
    }
    guard !buckets.isEmpty else { return }
    do {
      try database.write { try ArchiveTable.insert(buckets.values, into: $0) }
      note(nil)
    } catch {
      // What has changed meanwhile is newer.
      let isFirst = pending.withLock { state in
        state.buckets.merge(buckets) { newer, _ in newer }
        defer { state.isScheduled = true }
        return !state.isScheduled
      }
      if isFirst { schedule() }
      note(StorageError(attempt: "write", path: path, cause: "\(error)"))
    }
  }

  private func note(_ failure: StorageError?) {
    let changed = pending.withLock { state in
      defer { state.failure = failure }
      return (state.failure == nil) != (failure == nil)
    }
    if changed { onFailure(failure) }
  }
}
