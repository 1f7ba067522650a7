internal import Dispatch
internal import Foundation
internal import GRDB
internal import Reactor

/// Buckets on disk, in SQLite: what quotas and budgets have left, for all processes that use the file, now and later, and what other buckets owe.
///
/// Each step on a bucket is a transaction: read, decide, write. So any number of processes on one machine share their quotas as they would over Redis. What a process
/// holds of them stands beside, under its name, and goes back when it has ended, however it ended (``ArchiveOwner``).
///
/// The journal is a write-ahead log with `synchronous = NORMAL`: a write survives the process' end, and the last ones may not survive the machine's. No step waits for the
/// disk: the log is carried over into the file by a thread of the archive's own.
public final class BucketArchive: Sendable {
  /// A step waits so long for another process' step at most; longer, and the disk counts as away for ``pauseMilliseconds``.
  static let busyMilliseconds = 50
  private static let pauseMilliseconds = 1000
  /// How often it is looked whether other processes have ended.
  private static let reclaimMilliseconds = 1000
  /// Steps after which the log is carried over.
  private static let checkpointSteps = 512

  private struct State: Sendable {
    var failure: StorageError?
    var retryAt = MonotonicTime(nanoseconds: 0)
    var reclaimAt = MonotonicTime(nanoseconds: 0)
    var steps = 0
  }

  /// The file.
  public let path: String
  /// A damaged file that was found and renamed when this one was opened.
  public let setAside: SetAsideArchive?
  private let database: DatabaseQueue
  private let owner: ArchiveOwner
  private let state = Locked(State())
  private let writer = DispatchQueue(label: "sluice.bucket-archive", qos: .utility)
  private let onFailure: @Sendable (StorageError?) -> Void

  /// Opens the file, or makes it, its directory included; both are for this user alone. A file that is damaged, or another program's, is renamed and begun anew with
  /// the rows of it that can be read. What processes held that have ended is given back.
  ///
  /// - Parameter onFailure: told once when the file begins to fail, and with nil when it works again; on any thread.
  public init(path: String, onFailure: @escaping @Sendable (StorageError?) -> Void = { _ in }) throws(StorageError) {
    self.path = path
    self.onFailure = onFailure
    do {
      try PrivateFiles.makeDirectory(URL(fileURLWithPath: path).deletingLastPathComponent().path)
      try PrivateFiles.makeFile(path)
      owner = try ArchiveOwner(beside: path)
      let (found, damage) = try Self.openSound(path)
      if let damage {
        let name = try PrivateFiles.setAside(path)
        try PrivateFiles.makeFile(path)
        database = try Self.open(path)
        try database.write { for bucket in damage.sound { try ArchiveTable.put(bucket, into: $0) } }
        setAside = SetAsideArchive(path: path, renamed: name, cause: damage.cause, kept: damage.sound.count)
      } else {
        database = found
        setAside = nil
      }
      let owner = owner
      try database.write { database in
        try ArchiveTable.add(owner: owner.name, to: database)
        try Self.reclaim(owner, database)
      }
      try database.writeWithoutTransaction {
        try $0.execute(sql: "PRAGMA busy_timeout = \(Self.busyMilliseconds); PRAGMA wal_autocheckpoint = 0")
      }
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
      let sound = (try? database.read(ArchiveTable.fetchAll)) ?? []
      try database.close()
      return (database, Damage(cause: cause, sound: sound))
    } catch let error as DatabaseError where error.isOfContents {
      return (try DatabaseQueue(), Damage(cause: "\(error)"))
    }
  }

  private static func open(_ path: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "buckets"
    // Others may be starting too.
    configuration.busyMode = .timeout(5)
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
        try ArchiveTable.removeExpired(clock, database)
        return try ArchiveTable.fetchAll(database)
      }
    } catch {
      throw StorageError(attempt: "read", path: path, cause: "\(error)")
    }
  }

  // MARK: Steps

  /// One step on a bucket, with all other processes' steps before or behind it.
  ///
  /// - Parameter body: given the bucket as it stands, if there is one; gives back what it is afterwards, what this process holds of it, and an answer.
  /// - Returns: the answer; nil if the file cannot be used now, then `body` has not run.
  public func step<Answer>(
    _ key: String, _ body: (SavedBucket?) -> (bucket: SavedBucket, held: Int, answer: Answer)
  ) -> Answer? {
    var answer: Answer?
    transact { database in
      let (bucket, held, given) = body(try ArchiveTable.fetch(key, database))
      answer = given
      try ArchiveTable.put(bucket, into: database)
      try ArchiveTable.setHeld(held, of: key, by: owner.name, database)
    }
    return answer
  }

  /// What this process holds, by key.
  ///
  /// - Returns: whether it is written.
  public func setHeld(_ held: [(key: String, units: Int)]) -> Bool {
    transact { database in
      for (key, units) in held { try ArchiveTable.setHeld(units, of: key, by: owner.name, database) }
    }
  }

  /// Buckets of this process alone, in one go, and keys that are of no use any more.
  ///
  /// - Returns: whether it is written.
  public func write(_ buckets: [SavedBucket], removing keys: [String] = []) -> Bool {
    transact { database in
      for bucket in buckets { try ArchiveTable.put(bucket, into: database) }
      for key in keys { try ArchiveTable.remove(key, from: database) }
    }
  }

  @discardableResult
  private func transact(_ body: (Database) throws -> Void) -> Bool {
    let now = MonotonicTime.readClock()
    let (mayTry, mayReclaim) = state.withLock { state in
      guard now >= state.retryAt else { return (false, false) }
      state.steps &+= 1
      if state.steps.isMultiple(of: Self.checkpointSteps) { writer.async { [self] in checkpoint() } }
      guard now >= state.reclaimAt else { return (true, false) }
      state.reclaimAt = now + .milliseconds(Self.reclaimMilliseconds)
      return (true, true)
    }
    guard mayTry else { return false }
    do {
      try database.writeWithoutTransaction { database in
        try database.inTransaction(.immediate) {
          if mayReclaim { try Self.reclaim(owner, database) }
          try body(database)
          return .commit
        }
      }
      note(nil)
      return true
    } catch {
      state.withLock { $0.retryAt = now + .milliseconds(Self.pauseMilliseconds) }
      note(StorageError(attempt: "write", path: path, cause: "\(error)"))
      return false
    }
  }

  /// What processes held that have ended goes back.
  private static func reclaim(_ owner: ArchiveOwner, _ database: Database) throws {
    for name in try ArchiveTable.owners(database) where name != owner.name && !owner.isAlive(name) {
      try ArchiveTable.giveBack(of: name, database)
      owner.forget(name)
    }
  }

  /// On the writer's thread, over a connection of its own: the disk is waited for.
  private func checkpoint() {
    var configuration = Configuration()
    configuration.busyMode = .timeout(1)
    guard let database = try? DatabaseQueue(path: path, configuration: configuration) else { return }
    let now = Int(Date().timeIntervalSince1970 * 1000)
    _ = try? database.write { try ArchiveTable.removeExpired(now, $0) }
    _ = try? database.writeWithoutTransaction { _ = try $0.checkpoint(.passive) }
    try? database.close()
  }

  /// Has something done by the archive's thread, a little later.
  public func later(milliseconds: Int, _ body: @escaping @Sendable () -> Void) {
    writer.asyncAfter(deadline: .now() + .milliseconds(milliseconds), execute: body)
  }

  private func note(_ failure: StorageError?) {
    let changed = state.withLock { state in
      defer { state.failure = failure }
      return (state.failure == nil) != (failure == nil)
    }
    if changed { onFailure(failure) }
  }
}
