import Glibc
import Reactor
import Testing
import TestKit

/// An actor that lives on a reactor.
private actor Resident {
  let reactor: Reactor
  private var count = 0
  init(_ reactor: Reactor) { self.reactor = reactor }
  nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

  func bump() -> Bool {
    count += 1
    return reactor.isCurrent
  }

  /// Asks `other` and says whether both stayed on the thread.
  func ask(_ other: Resident) async -> Bool {
    let before = reactor.isCurrent
    let there = await other.bump()
    return before && there && reactor.isCurrent
  }

  func total() -> Int { count }
}

private func plainStep(_ reactor: Reactor) async -> Bool {
  await Task.yield()
  return reactor.isCurrent
}

@Suite("Tasks on a reactor", .serialized)
struct ReactorTaskTests {
  @Test("a task stays on the reactor's thread at every step, through actors, yields and child tasks")
  func staysOnThread() async {
    await withReactorAsync { reactor in
      let journal = Journal<Bool>()
      let one = Resident(reactor)
      let two = Resident(reactor)
      await reactor.startTask {
        journal.add(reactor.isCurrent)
        for _ in 0..<200 {
          journal.add(await one.ask(two))
          journal.add(reactor.isCurrent)
        }
        journal.add(await plainStep(reactor))
        await withTaskGroup(of: Bool.self) { children in
          for _ in 0..<5 { children.addTask { await one.bump() && reactor.isCurrent } }
          for await child in children { journal.add(child && reactor.isCurrent) }
        }
      }.value
      #expect(journal.count == 407)
      #expect(journal.entries.allSatisfy { $0 })
      #expect(await two.total() == 200)
    }
  }

  @Test("the reactor's thread may enter its actors without waiting")
  func assumeIsolated() {
    withReactor { reactor in
      let resident = Resident(reactor)
      #expect(reactor.sync { resident.assumeIsolated { $0.bump() } })
    }
  }

  @Test("tasks that always have more to do leave sockets, timers and messages their turn")
  func fairness() async {
    await withReactorAsync { reactor in
      let stop = Confined(false)
      let task = reactor.startTask {
        while !stop.value { await Task.yield() }
      }
      // Each of these would hang if the task's steps were run until there are none left.
      for _ in 0..<20 { reactor.sync {} }
      reactor.sync { stop.value = true }
      await task.value
    }
  }

  @Test("a sleeping task wakes at its deadline, not before")
  func sleeps() async {
    await withReactorAsync { reactor in
      let early = Journal<Bool>()
      await reactor.startTask {
        for milliseconds in [0, 1, 9, 30] {
          let deadline = MonotonicTime.readClock() + .milliseconds(milliseconds)
          await reactor.sleep(until: deadline)
          early.add(MonotonicTime.readClock() < deadline || !reactor.isCurrent)
        }
      }.value
      #expect(early.entries == [false, false, false, false])
    }
  }

  @Test("a cancelled sleep ends at once and leaves no timer behind", arguments: [true, false])
  func sleepCancelled(cancelAtOnce: Bool) async {
    await withReactorAsync { reactor in
      let tasks = (0..<50).map { _ in
        reactor.startTask { await reactor.sleep(until: MonotonicTime.readClock() + .seconds(600)) }
      }
      if !cancelAtOnce { #expect(waitUntil { reactor.sync { reactor.timerCount } == 50 }) }
      let start = MonotonicTime.readClock()
      for task in tasks { task.cancel() }
      for task in tasks { await task.value }
      #expect(MonotonicTime.readClock() < start + .seconds(5))
      #expect(reactor.sync { reactor.timerCount } == 0)
    }
  }

  @Test("work enqueued from many threads at once is all done")
  func manyThreads() async {
    await withReactorAsync { reactor in
      let resident = Resident(reactor)
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask {
            for _ in 0..<250 { _ = await resident.bump() }
          }
        }
      }
      #expect(await resident.total() == 2000)
    }
  }
}
