import Foundation
import Reactor
import TestKit
import Testing

@testable import Storage

@Suite struct BucketArchiveTests {
  private func bucket(_ key: String, level: Int, version: Int = 1, expiresAt: Int = 10_000) -> SavedBucket {
    SavedBucket(key: key, version: version, level: level, time: 5, burst: 100, expiresAt: expiresAt)
  }

  @Test("what was put is there when the file is opened again, the newest of each key")
  func reopened() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("buckets.sqlite")
    do {
      let archive = try BucketArchive(path: path)
      archive.put(bucket("a", level: 90))
      archive.put(bucket("a", level: -7, version: 2))
      archive.put(bucket("b'); DROP TABLE bucket; --", level: 1))
      archive.flush()
    }
    let loaded = try BucketArchive(path: path).load(clock: 0).sorted { $0.key < $1.key }
    #expect(loaded == [bucket("a", level: -7, version: 2), bucket("b'); DROP TABLE bucket; --", level: 1)])
  }

  @Test("a write comes by itself, without a flush")
  func writesByItself() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("buckets.sqlite")
    let archive = try BucketArchive(path: path)
    archive.put(bucket("a", level: 42))
    let reader = try BucketArchive(path: path)
    #expect(try waitUntil { try reader.load(clock: 0).first?.level == 42 })
  }

  @Test("buckets whose period has ended are removed when the file is read")
  func expired() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("buckets.sqlite")
    let archive = try BucketArchive(path: path)
    archive.put(bucket("old", level: 1, expiresAt: 10))
    archive.put(bucket("new", level: 2, expiresAt: 11))
    archive.flush()
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
