import Foundation
import GRDB
import Reactor
import TestKit
import Testing

@testable import Storage

@Suite struct BucketArchiveTests {
  private func bucket(_ key: String, level: Int, version: Int = 1, expiresAt: Int = 10_000) -> SavedBucket {
    SavedBucket(key: key, version: version, level: level, time: 5, burst: 100, expiresAt: expiresAt)
  }

  private func put(_ archive: BucketArchive, _ bucket: SavedBucket) {
    #expect(archive.step(bucket.key) { _ in (bucket, 0, true) } == true)
  }

  @Test("what was put is there when the file is opened again, the newest of each key")
  func reopened() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("buckets.sqlite")
    do {
      let archive = try BucketArchive(path: path)
      put(archive, bucket("a", level: 90))
      put(archive, bucket("a", level: -7, version: 2))
      put(archive, bucket("b'); DROP TABLE bucket; --", level: 1))
    }
    let loaded = try BucketArchive(path: path).load(clock: 0).sorted { $0.key < $1.key }
    #expect(loaded == [bucket("a", level: -7, version: 2), bucket("b'); DROP TABLE bucket; --", level: 1)])
  }

  @Test("what a process holds goes back when it has ended, and what it owes is paid; not before")
  func held() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("buckets.sqlite")
    var first: BucketArchive? = try BucketArchive(path: path)
    for (key, held) in [("a", 30), ("b", -5), ("c", 500)] {
      _ = first?.step(key) { _ in (bucket(key, level: 40), held, true) }
    }
    let second = try BucketArchive(path: path)
    #expect(try second.load(clock: 0).map(\.level) == [40, 40, 40])
    // Each sees what the other has done.
    #expect(second.step("a") { found in (bucket("a", level: (found?.level ?? 0) - 10), 0, found?.level) } == 40)
    #expect(first?.step("a") { found in (found ?? bucket("a", level: 0), 30, found?.level) } == 30)
    first = nil
    let third = try BucketArchive(path: path)
    #expect(try third.load(clock: 0).map(\.level) == [60, 35, 100])
    let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    #expect(files.filter { $0.contains("process") }.count == 2)
  }

  @Test("a file that another process has locked for too long counts as away for a second, and is used again")
  func locked() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("buckets.sqlite")
    let told = Locked<[Bool]>([])
    let archive = try BucketArchive(path: path) { failure in told.withLock { $0.append(failure != nil) } }
    let other = try DatabaseQueue(path: path)
    try other.writeWithoutTransaction { database in
      try database.inTransaction(.immediate) {
        #expect(archive.step("a") { _ in (bucket("a", level: 1), 0, true) } == nil)
        return .rollback
      }
    }
    #expect(waitUntil { archive.step("a") { _ in (bucket("a", level: 1), 0, true) } == true })
    #expect(told.withLock { $0 } == [true, false])
  }

  @Test("buckets whose period has ended are removed when the file is read")
  func expired() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("buckets.sqlite")
    let archive = try BucketArchive(path: path)
    put(archive, bucket("old", level: 1, expiresAt: 10))
    put(archive, bucket("new", level: 2, expiresAt: 11))
    #expect(try archive.load(clock: 10).map(\.key) == ["new"])
    #expect(try archive.load(clock: 0).map(\.key) == ["new"])
  }

  @Test("a file that cannot be opened is told with its path")
  func unusable() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("a file, no folder", to: "file") + "/buckets.sqlite"
    #expect { try BucketArchive(path: path) } throws: { ($0 as? StorageError)?.path == path }
    for (kind, make) in [
      ("a directory", { mkdir($0, 0o700) }), ("not a regular file", { mkfifo($0, 0o600) }),
      ("a symbolic link", { symlink("/nowhere/at-all", $0) }),
    ] as [(String, (String) -> Int32)] {
      let path = directory.file("\(kind).sqlite")
      #expect(make(path) == 0)
      #expect { try BucketArchive(path: path) } throws: { "\($0)".contains(kind) && "\($0)".contains(path) }
    }
  }
}
