import Glibc
import Reactor
import Testing
import TestKit

@Suite("What threads share behind a lock")
struct LockedTests {
  @Test("loses no change of many threads")
  func exclusive() {
    let counter = Locked([0, 0])
    let threads = (0..<4).map { place in
      spawn {
        for _ in 0..<2_000 {
          counter.withLock {
            $0[0] += 1
            $0[1] += place
          }
        }
      }
    }
    for thread in threads { pthread_join(thread, nil) }
    #expect(counter.withLock { $0 } == [8_000, 12_000])
  }

  @Test("is free again after a change that threw")
  func throwing() {
    struct Refused: Error {}
    let value = Locked("before")
    #expect(throws: Refused.self) {
      try value.withLock { text in
        text = "after"
        throw Refused()
      }
    }
    #expect(value.withLock { $0 } == "after")
  }
}
