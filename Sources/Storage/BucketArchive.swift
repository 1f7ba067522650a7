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

  /// Opens the file, or makes it, its folder included.
  ///
  /// - Parameter onFailure: told once when writing begins to fail, and with nil when it succeeds again; on the writer's thread.
  public init(path: String, onFailure: @escaping @Sendable (StorageError?) -> Void = { _ in }) throws(StorageError) {
    self.path = path
    self.onFailure = onFailure
    do {
      try FileManager.default.createDirectory(
        at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
      var configuration = Configuration()
      configuration.label = "buckets"
      // Another process that reads the file, a backup for instance, is waited for, on the writer's thread.
      configuration.busyMode = .timeout(1)
      configuration.prepareDatabase { database in
        _ = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
        try database.execute(sql: "PRAGMA synchronous = NORMAL")
      }
      database = try DatabaseQueue(path: path, configuration: configuration)
      try database.write { database in
        try database.execute(
          sql: """
            CREATE TABLE IF NOT EXISTS bucket (
              key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, level INTEGER NOT NULL, time INTEGER NOT NULL,
              burst INTEGER NOT NULL, expiresAt INTEGER NOT NULL
            ) WITHOUT ROWID
            """)
      }
    } catch {
      throw StorageError(attempt: "open", path: path, cause: "\(error)")
    }
  }

  /// All buckets that have not expired by `clock`; those that have are removed.
  public func load(clock: Int) throws(StorageError) -> [SavedBucket] {
    do {
      return try database.write { database in
        try database.execute(sql: "DELETE FROM bucket WHERE expiresAt <= ?", arguments: [clock])
        return try Row.fetchAll(database, sql: "SELECT key, version, level, time, burst, expiresAt FROM bucket").map {
          SavedBucket(key: $0[0], version: $0[1], level: $0[2], time: $0[3], burst: $0[4], expiresAt: $0[5])
        }
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
      try database.write { database in
        let statement = try database.makeStatement(
          sql: "INSERT OR REPLACE INTO bucket (key, version, level, time, burst, expiresAt) VALUES (?, ?, ?, ?, ?, ?)")
        for bucket in buckets.values {
          try statement.execute(arguments: [
            bucket.key, bucket.version, bucket.level, bucket.time, bucket.burst, bucket.expiresAt,
          ])
        }
      }
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
