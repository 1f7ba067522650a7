internal import GRDB

/// The archive's one table. A file may have been written by anyone: nothing in it is believed before its type has been looked at.
enum ArchiveTable {
  /// Bytes of a key, at most: what limits make is shorter.
  static let keyBytesMax = 1024
  /// Rows that are read, at most.
  static let rowsMax = 1_000_000

  private static let columns = ["key", "version", "level", "time", "burst", "expiresAt"]
  private static let columnList = columns.joined(separator: ", ")

  static func create(_ database: Database) throws {
    try database.execute(
      sql: """
        CREATE TABLE IF NOT EXISTS bucket (
          key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, level INTEGER NOT NULL, time INTEGER NOT NULL,
          burst INTEGER NOT NULL, expiresAt INTEGER NOT NULL
        ) WITHOUT ROWID
        """)
  }

  /// What is wrong with the file; nil if nothing is.
  static func damage(_ database: Database) throws -> String? {
    if let word = try String.fetchOne(database, sql: "PRAGMA quick_check(1)"), word != "ok" { return word }
    let others = try Int.fetchOne(
      database, sql: "SELECT count(*) FROM sqlite_master WHERE name <> 'bucket' AND name NOT LIKE 'sqlite_%'")
    if others != 0 { return "it holds tables that are not the gateway's" }
    let found = try Row.fetchAll(database, sql: "SELECT name, pk FROM pragma_table_info('bucket')")
    let names = found.map { (integer($0[1]) ?? 0) == 1 ? "*" + (text($0[0]) ?? "") : text($0[0]) ?? "" }
    guard names == ["*key"] + columns.dropFirst() else { return "its table has other columns" }
    let conditions = columns.dropFirst().map { "typeof(\($0)) <> 'integer'" }.joined(separator: " OR ")
    let wrong = try Int.fetchOne(
      database,
      sql: "SELECT count(*) FROM bucket WHERE typeof(key) <> 'text' OR length(key) > \(keyBytesMax) OR \(conditions)")
    guard let wrong, wrong > 0 else { return nil }
    return "\(wrong) rows hold values of other types"
  }

  /// All rows that are whole.
  static func fetch(_ database: Database) throws -> [SavedBucket] {
    try Row.fetchAll(database, sql: "SELECT \(columnList) FROM bucket LIMIT \(rowsMax)").compactMap { row in
      guard let key = text(row[0]), key.utf8.count <= keyBytesMax, let version = integer(row[1]),
        let level = integer(row[2]), let time = integer(row[3]), let burst = integer(row[4]),
        let expiresAt = integer(row[5])
      else { return nil }
      return SavedBucket(key: key, version: version, level: level, time: time, burst: burst, expiresAt: expiresAt)
    }
  }

  static func insert(_ buckets: some Sequence<SavedBucket>, into database: Database) throws {
    let statement = try database.makeStatement(
      sql: "INSERT OR REPLACE INTO bucket (\(columnList)) VALUES (?, ?, ?, ?, ?, ?)")
    for bucket in buckets {
      try statement.execute(arguments: [
        bucket.key, bucket.version, bucket.level, bucket.time, bucket.burst, bucket.expiresAt,
      ])
    }
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
