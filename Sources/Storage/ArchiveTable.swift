internal import GRDB

/// The archive's tables. A file may have been written by anyone: nothing in it is believed before its type has been looked at.
///
/// `bucket` is what is left at the store, `held` what processes hold beside it, `owner` the processes.
enum ArchiveTable {
  /// Bytes of a key, at most: what limits make is shorter.
  static let keyBytesMax = 1024
  /// Rows that are read, at most.
  static let rowsMax = 1_000_000
  /// Units, at most, above 0 or below: sums of some thousand of them stay in range.
  static let unitsMax = 1 << 50

  private static let columns = ["key", "version", "level", "time", "burst", "expiresAt"]
  private static let columnList = columns.joined(separator: ", ")
  /// Columns of each table, those of the primary key with a star.
  private static let schema: [String: [String]] = [
    "bucket": ["*key"] + columns.dropFirst(), "held": ["*owner", "*key", "units"], "owner": ["*name"],
  ]

  static func create(_ database: Database) throws {
    try database.execute(
      sql: """
        CREATE TABLE IF NOT EXISTS bucket (
          key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, level INTEGER NOT NULL, time INTEGER NOT NULL,
          burst INTEGER NOT NULL, expiresAt INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS held (
          owner TEXT NOT NULL, key TEXT NOT NULL, units INTEGER NOT NULL, PRIMARY KEY (owner, key)
        ) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS owner (name TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID
        """)
  }

  /// What is wrong with the file; nil if nothing is.
  static func damage(_ database: Database) throws -> String? {
    if let word = try String.fetchOne(database, sql: "PRAGMA quick_check(1)"), word != "ok" { return word }
    let objects = try Row.fetchAll(database, sql: "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    guard objects.allSatisfy({ schema[text($0[0]) ?? ""] != nil }) else {
      return "it holds tables that are not the gateway's"
    }
    for (table, expected) in schema {
      let found = try Row.fetchAll(database, sql: "SELECT name, pk FROM pragma_table_info(?)", arguments: [table])
      let names = found.map { ((integer($0[1]) ?? 0) > 0 ? "*" : "") + (text($0[0]) ?? "") }
      guard names == expected else { return "its table \(table) has other columns" }
    }
    let conditions = columns.dropFirst().map { "typeof(\($0)) <> 'integer'" }.joined(separator: " OR ")
    let wrong =
      try Int.fetchOne(
        database,
        sql: """
          SELECT (SELECT count(*) FROM bucket WHERE typeof(key) <> 'text' OR length(key) > \(keyBytesMax) OR \(conditions))
            + (SELECT count(*) FROM held WHERE typeof(owner) <> 'text' OR typeof(key) <> 'text' OR typeof(units) <> 'integer')
            + (SELECT count(*) FROM owner WHERE typeof(name) <> 'text')
          """) ?? 0
    return wrong == 0 ? nil : "\(wrong) rows hold values of other types"
  }

  // MARK: Buckets

  /// All rows that are whole.
  static func fetchAll(_ database: Database) throws -> [SavedBucket] {
    try Row.fetchAll(database, sql: "SELECT \(columnList) FROM bucket LIMIT \(rowsMax)").compactMap(bucket)
  }

  static func fetch(_ key: String, _ database: Database) throws -> SavedBucket? {
    let statement = try database.cachedStatement(sql: "SELECT \(columnList) FROM bucket WHERE key = ?")
    return try Row.fetchOne(statement, arguments: [key]).flatMap(bucket)
  }

  static func put(_ bucket: SavedBucket, into database: Database) throws {
    try database.cachedStatement(
      sql: "INSERT OR REPLACE INTO bucket (\(columnList)) VALUES (?, ?, ?, ?, ?, ?)"
    ).execute(arguments: [
      bucket.key, bucket.version, bucket.level, bucket.time, bucket.burst, bucket.expiresAt,
    ])
  }

  static func remove(_ key: String, from database: Database) throws {
    try database.cachedStatement(sql: "DELETE FROM bucket WHERE key = ?").execute(arguments: [key])
  }

  static func removeExpired(_ clock: Int, _ database: Database) throws {
    try database.execute(sql: "DELETE FROM bucket WHERE expiresAt <= ?", arguments: [clock])
    try database.execute(sql: "DELETE FROM held WHERE key NOT IN (SELECT key FROM bucket)")
  }

  // MARK: Processes

  static func add(owner: String, to database: Database) throws {
    try database.execute(sql: "INSERT OR REPLACE INTO owner (name) VALUES (?)", arguments: [owner])
  }

  static func owners(_ database: Database) throws -> [String] {
    try Row.fetchAll(database, sql: "SELECT name FROM owner").compactMap { text($0[0]) }
  }

  static func setHeld(_ units: Int, of key: String, by owner: String, _ database: Database) throws {
    if units == 0 {
      try database.cachedStatement(sql: "DELETE FROM held WHERE owner = ? AND key = ?").execute(arguments: [owner, key])
    } else {
      try database.cachedStatement(sql: "INSERT OR REPLACE INTO held (owner, key, units) VALUES (?, ?, ?)")
        .execute(arguments: [owner, key, units])
    }
  }

  /// A process has ended: what it held goes back, and what it owed is paid.
  static func giveBack(of owner: String, _ database: Database) throws {
    for row in try Row.fetchAll(database, sql: "SELECT key, units FROM held WHERE owner = ?", arguments: [owner]) {
      guard let key = text(row[0]), let units = integer(row[1]), var bucket = try fetch(key, database) else { continue }
      let bounds = -unitsMax...unitsMax
      let sum = min(max(bucket.level, bounds.lowerBound), bounds.upperBound) + min(max(units, -unitsMax), unitsMax)
      bucket.level = min(sum, max(bucket.burst, 0))
      try put(bucket, into: database)
    }
    try database.execute(sql: "DELETE FROM held WHERE owner = ?", arguments: [owner])
    try database.execute(sql: "DELETE FROM owner WHERE name = ?", arguments: [owner])
  }

  // MARK: Cells

  private static func bucket(_ row: Row) -> SavedBucket? {
    guard let key = text(row[0]), key.utf8.count <= keyBytesMax, let version = integer(row[1]),
      let level = integer(row[2]), let time = integer(row[3]), let burst = integer(row[4]),
      let expiresAt = integer(row[5])
    else { return nil }
    return SavedBucket(key: key, version: version, level: level, time: time, burst: burst, expiresAt: expiresAt)
  }

  /// A cell as a number; a row's own conversion ends the process at any other type.
  private static func integer(_ cell: DatabaseValue) -> Int? {
    if case .int64(let number) = cell.storage { Int(number) } else { nil }
  }

  private static func text(_ cell: DatabaseValue) -> String? {
    if case .string(let text) = cell.storage { text } else { nil }
  }
}

extension DatabaseError {
  /// Whether the file itself is wrong, and not that it cannot be reached, locked or written.
  var isOfContents: Bool {
    [
      .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT, .SQLITE_SCHEMA, .SQLITE_ERROR, .SQLITE_MISMATCH,
      .SQLITE_CONSTRAINT,
    ]
    .contains(resultCode)
  }
}
