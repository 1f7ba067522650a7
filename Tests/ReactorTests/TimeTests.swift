import Reactor
import Testing

@Suite("Monotonic time")
struct TimeTests {
  @Test("adding clamps to never, and a negative duration counts as zero")
  func clamps() {
    let time = MonotonicTime(nanoseconds: 100)
    #expect((time + .nanoseconds(5)).nanoseconds == 105)
    #expect(time + .seconds(-5) == time)
    #expect(MonotonicTime.never + .seconds(1) == .never)
    #expect(time + .seconds(Int64.max) == .never)
    #expect(MonotonicTime(nanoseconds: 3).nanoseconds(since: time) == 0)
    #expect(time.nanoseconds(since: MonotonicTime(nanoseconds: 3)) == 97)
  }

  @Test("a duration at the edge of the range is clamped, not wrapped")
  func edge() {
    let edge = Duration(secondsComponent: 18_446_744_073, attosecondsComponent: 999_999_999_000_000_000)
    #expect(edge.wholeNanoseconds == .max)
    #expect(Duration.milliseconds(1500).wholeNanoseconds == 1_500_000_000)
    #expect(Duration(secondsComponent: 0, attosecondsComponent: 999_999_999).wholeNanoseconds == 0)
  }

  @Test("the clock never goes back")
  func forward() {
    var last = MonotonicTime.readClock()
    for _ in 0..<1000 {
      let now = MonotonicTime.readClock()
      #expect(now >= last)
      last = now
    }
  }
}
