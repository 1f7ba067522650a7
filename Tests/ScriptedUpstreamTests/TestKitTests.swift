import Glibc
import TestKit
import Testing

@Suite("The tests' tools")
struct TestKitTests {
  @Test("a seed repeats its numbers, which are SplitMix64's")
  func generator() {
    var generator = SeededGenerator(seed: 1_234_567)
    #expect(generator.next() == 6_457_827_717_110_365_317)
    #expect(generator.next() == 3_203_168_211_198_807_973)
    #expect(generator.next() == 9_817_491_932_198_370_423)
    #expect("\(generator)" == "seed 1234567")
  }

  @Test("splits and pieces lose nothing")
  func splits() {
    let bytes = Array("abcdef".utf8)
    var count = 0
    everySplit(of: bytes) { first, second in
      #expect(first + second == bytes[...])
      count += 1
    }
    #expect(count == 7)
    count = 0
    everyDoubleSplit(of: bytes) { pieces in
      #expect(pieces.flatMap { $0 } == bytes)
      count += 1
    }
    #expect(count == 28)
    #expect(pieces(of: bytes, size: 4).map(Array.init) == [Array("abcd".utf8), Array("ef".utf8)])
    withSeeds(20) { generator in
      #expect(randomPieces(of: bytes, sizeMax: 3, &generator).flatMap { $0 } == bytes, "\(generator)")
    }
  }

  @Test("a temporary directory holds files while it is referred to, and is gone afterwards")
  func temporaryDirectory() throws {
    var directory: TemporaryDirectory? = try TemporaryDirectory()
    let path = try #require(try directory?.write("text", to: "file"))
    #expect(access(path, F_OK) == 0)
    #expect(try TemporaryDirectory().path != directory?.path)
    #expect(path.hasSuffix("/file"))
    directory = nil
    #expect(access(path, F_OK) == -1)
  }

  @Test("waiting ends when the condition holds, or when time is up")
  func waiting() {
    var count = 0
    #expect(
      waitUntil {
        count += 1
        return count == 3
      })
    #expect(!waitUntil(timeout: .milliseconds(5)) { false })
  }
}
