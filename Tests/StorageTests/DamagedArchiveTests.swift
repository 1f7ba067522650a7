import Foundation
import GRDB
import TestKit
import Testing

@testable import Storage

/// Files that nobody could have meant: set aside, and never the process' end.
@Suite struct DamagedArchiveTests {
  /// An archive of two rows, and then what is done to it.
  private func damaged(_ directory: TemporaryDirectory, _ damage: (String) throws -> Void) throws -> String {
    let path = directory.file("limits.sqlite")
    do {
      let archive = try BucketArchive(path: path)
      for (key, level) in [("a", 1), ("b", 2)] {
        put(archive, SavedBucket(key: key, version: 1, level: level, time: 5, burst: 100, expiresAt: 10_000))
      }
    }
    try damage(path)
    return path
  }

  private func put(_ archive: BucketArchive?, _ bucket: SavedBucket) {
    #expect(archive?.step(bucket.key) { _ in (bucket, 0, true) } == true)
  }

  private static func order(_ path: String, _ sql: String) throws {
    let database = try DatabaseQueue(path: path)
    try database.writeWithoutTransaction { try $0.execute(sql: sql) }
    try database.close()
  }

  private static let columns = ["key", "version", "level", "time", "burst", "expiresAt"]

  @Test("a cell of another type costs its row alone", arguments: columns, ["'text'", "x'00ff'", "1.5e300", "1.5"])
  func otherType(column: String, value: String) throws {
    // A text is what a key is, and a column of text makes texts of numbers.
    guard column != "key" || value.hasPrefix("x") else { return }
    let directory = try TemporaryDirectory()
    let path = try damaged(directory) { try Self.order($0, "UPDATE bucket SET \(column) = \(value) WHERE key = 'b'") }
    let archive = try BucketArchive(path: path)
    #expect(try archive.load(clock: 0).map(\.key) == ["a"])
    let told = try #require(archive.setAside)
    #expect(told.kept == 1 && told.path == path && FileManager.default.fileExists(atPath: told.renamed))
    #expect("\(told)".contains("1 rows"))
    put(archive, SavedBucket(key: "c", version: 1, level: 3, time: 5, burst: 100, expiresAt: 10_000))
    let again = try BucketArchive(path: path)
    #expect(try again.load(clock: 0).map(\.key).sorted() == ["a", "c"] && again.setAside == nil)
  }

  @Test("a file of another schema, of noise, or cut off anywhere is set aside")
  func otherFile() throws {
    let schemas = [
      "DROP TABLE bucket; CREATE TABLE bucket (key TEXT)",
      "DROP TABLE bucket; CREATE VIEW bucket AS SELECT 1 AS key",
      "DROP TABLE bucket; CREATE TABLE bucket (key TEXT, version, level, time, burst, expiresAt)",
      "CREATE TABLE theirs (a)", "DROP TABLE held; CREATE TABLE held (a)",
      "INSERT INTO held (owner, key, units) VALUES ('x', 'a', 'many')",
      "CREATE TRIGGER t AFTER INSERT ON bucket BEGIN DELETE FROM bucket; END",
    ]
    for schema in schemas {
      let directory = try TemporaryDirectory()
      let path = try damaged(directory) { try Self.order($0, schema) }
      let archive = try BucketArchive(path: path)
      #expect(archive.setAside != nil, "\(schema)")
      put(archive, SavedBucket(key: "c", version: 1, level: 3, time: 5, burst: 100, expiresAt: 10_000))
      #expect(try BucketArchive(path: path).load(clock: 0).contains { $0.key == "c" })
    }
    let source = try TemporaryDirectory()
    let whole = try damaged(source) { try Self.order($0, "PRAGMA wal_checkpoint(TRUNCATE)") }
    let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
    for seed in 0..<40 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      let directory = try TemporaryDirectory()
      let path = directory.file("limits.sqlite")
      var some = bytes
      if seed % 2 == 0 {
        some = some.prefix(random.int(in: 1...bytes.count - 1))
      } else {
        for _ in 0..<random.int(in: 1...400) {
          some[random.int(in: 0...some.count - 1)] = UInt8(truncatingIfNeeded: random.next())
        }
      }
      try some.write(to: URL(fileURLWithPath: path))
      // Either it still is an archive, or it is set aside: it opens, and can be used.
      let archive = try BucketArchive(path: path)
      _ = try archive.load(clock: 0)
    }
  }

  @Test("data directory and files are this user's alone, also those that are there already")
  func permissions() throws {
    func mode(_ path: String) throws -> Int {
      (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int) ?? -1
    }
    let directory = try TemporaryDirectory()
    let data = directory.file("data")
    let path = data + "/limits.sqlite"
    var archive: BucketArchive? = try BucketArchive(path: path)
    put(archive, SavedBucket(key: "a", version: 1, level: 1, time: 5, burst: 100, expiresAt: 10_000))
    #expect(try mode(data) == 0o700)
    for file in try FileManager.default.contentsOfDirectory(atPath: data) {
      #expect(try mode(data + "/" + file) == 0o600, "\(file)")
    }
    archive = nil
    #expect(chmod(data, 0o755) == 0 && chmod(path, 0o644) == 0)
    archive = try BucketArchive(path: path)
    #expect(try mode(data) == 0o700 && mode(path) == 0o600)
    #expect(try archive?.load(clock: 0).count == 1)
  }
}
