import CLinux
import Glibc
import Reactor
import Testing
import TestKit

private final class TimerProbe: TimerHandler {
  let fired: (UInt32) -> Void
  init(_ fired: @escaping (UInt32) -> Void) { self.fired = fired }
  func timerFired(token: UInt32) { fired(token) }
}

private final class ReadyProbe: EventHandler {
  var onReady: (Readiness) -> Void
  init(_ onReady: @escaping (Readiness) -> Void) { self.onReady = onReady }
  func ready(_ readiness: Readiness) { onReady(readiness) }
}

/// Two connected, non-blocking descriptors.
private struct Pair: Sendable {
  let near: Int32
  let far: Int32
  init() {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
    let result = socketpair(AF_UNIX, type, 0, &ends)
    precondition(result == 0, "socketpair")
    near = ends[0]
    far = ends[1]
  }
  func write(_ count: Int = 1) {
    let bytes = [UInt8](repeating: 65, count: count)
    _ = Glibc.write(far, bytes, count)
  }
  func read(_ count: Int) -> Int {
    var bytes = [UInt8](repeating: 0, count: count)
    return Glibc.read(near, &bytes, count)
  }
  func close() {
    Glibc.close(near)
    Glibc.close(far)
  }
}

@Suite("Reactor loop", .serialized)
struct ReactorLoopTests {
  @Test("a reactor that has ended lets go of its handlers, timers and messages")
  func letsGo() {
    final class Owner: TimerHandler {
      let reactor: Reactor
      init(_ reactor: Reactor) { self.reactor = reactor }
      func timerFired(token: UInt32) {}
    }
    weak var ended: Reactor?
    weak var owner: Owner?
    do {
      let group = ReactorGroup.started(count: 1)
      let reactor = group.reactors[0]
      ended = reactor
      let made = reactor.sync {
        let made = Owner(reactor)
        _ = reactor.startTimer(at: reactor.now + .seconds(600), made)
        reactor.atEndOfTurn { _ = reactor.startTimer(at: reactor.now + .seconds(600), made) }
        return made
      }
      owner = made
      // Comes behind the end.
      reactor.execute {
        reactor.stop()
        reactor.execute { reactor.execute { _ = reactor.index } }
      }
      group.shutDown()
    }
    #expect(waitUntil { owner == nil && ended == nil })
  }

  @Test("a message to a reactor that has ended is dropped, and holds nothing alive")
  func afterTheEnd() {
    weak var ended: Reactor?
    do {
      let group = ReactorGroup.started(count: 1)
      let reactor = group.reactors[0]
      ended = reactor
      group.shutDown()
      reactor.execute { _ = reactor.index }
      reactor.stop()
    }
    #expect(ended == nil)
  }

  @Test("closures of one thread run in the order they were handed in, those of several threads all run")
  func executeOrder() {
    withReactor { reactor in
      let journal = Journal<(thread: Int, number: Int)>()
      let threads = (0..<4).map { thread in
        spawn {
          for number in 0..<2000 { reactor.execute { journal.add((thread, number)) } }
        }
      }
      threads.forEach { pthread_join($0, nil) }
      #expect(journal.holds(8000))
      let entries = journal.entries
      for thread in 0..<4 {
        #expect(entries.filter { $0.thread == thread }.map(\.number) == Array(0..<2000))
      }
    }
  }

  @Test("single messages with pauses between them are never lost")
  func wakeUps() {
    withReactor { reactor in
      for round in 0..<3000 {
        #expect(reactor.sync { round } == round)
      }
    }
  }

  @Test("a message that hands in another one from the reactor itself is served")
  func executeFromInside() {
    withReactor { reactor in
      let journal = Journal<Int>()
      @Sendable func next(_ number: Int) {
        journal.add(number)
        if number < 100 { reactor.execute { next(number + 1) } }
      }
      reactor.execute { next(0) }
      #expect(journal.holds(101))
      #expect(journal.entries == Array(0...100))
    }
  }

  @Test("end-of-turn work runs once, after the turn's events, and may ask for more")
  func endOfTurn() {
    withReactor { reactor in
      let journal = Journal<String>()
      reactor.execute {
        reactor.atEndOfTurn {
          journal.add("end")
          reactor.atEndOfTurn { journal.add("next end") }
        }
        journal.add("message")
      }
      reactor.execute { journal.add("second message") }
      #expect(waitUntil { journal.entries.contains("next end") })
      let entries = journal.entries
      #expect(entries.first == "message")
      #expect(entries.filter { $0 == "end" }.count == 1)
      #expect((entries.firstIndex(of: "end") ?? 0) < (entries.firstIndex(of: "next end") ?? 0))
    }
  }

  @Test("the loop knows its own thread, and no longer once it has ended")
  func ownThread() {
    let reactor = (try! Reactor(index: 3))
    #expect(!reactor.isCurrent)
    let wasCurrent = Journal<Bool>()
    reactor.execute { wasCurrent.add(reactor.isCurrent) }
    reactor.stop()
    reactor.run()
    #expect(wasCurrent.entries == [true])
    #expect(!reactor.isCurrent)
  }

  @Test("signals that interrupt the wait lose nothing")
  func interrupted() {
    let group = ReactorGroup.started(count: 1)
    defer { group.shutDown() }
    let reactor = group.reactors[0]
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    // Without SA_RESTART: every call is interrupted.
    sigaction(SIGUSR1, &action, nil)
    let thread = reactor.sync { pthread_self() }
    let fired = Journal<Bool>()
    let start = MonotonicTime.readClock()
    reactor.sync {
      let deadline = reactor.now + .milliseconds(60)
      _ = reactor.startTimer(at: deadline, TimerProbe { _ in fired.add(reactor.now >= deadline) })
    }
    var answered = 0
    while fired.count == 0 && MonotonicTime.readClock() < start + .seconds(5) {
      pthread_kill(thread, SIGUSR1)
      answered += reactor.sync { 1 }
    }
    #expect(answered > 0)
    #expect(fired.entries == [true])
  }

  // MARK: Timers

  @Test("timers fire in the order of their deadlines, with their tokens, never early")
  func timers() {
    withReactor { reactor in
      let journal = Journal<(token: UInt32, early: Bool)>()
      reactor.sync {
        let now = reactor.now
        for token in (1...20 as ClosedRange<UInt32>).reversed() {
          let deadline = now + .milliseconds(8 * Int(token))
          _ = reactor.startTimer(
            at: deadline, TimerProbe { journal.add(($0, MonotonicTime.readClock() < deadline)) }, token: token)
        }
      }
      #expect(journal.holds(20))
      #expect(journal.entries.map(\.token) == Array(1...20))
      #expect(journal.entries.allSatisfy { !$0.early })
      #expect(reactor.sync { reactor.timerCount } == 0)
    }
  }

  @Test("a timer that another timer of the same turn cancels does not fire")
  func cancelInTurn() {
    withReactor { reactor in
      let journal = Journal<UInt32>()
      reactor.sync {
        let ids = Confined<[Reactor.TimerID]>([])
        let probe = TimerProbe { token in
          journal.add(token)
          for id in ids.value { reactor.cancelTimer(id) }
        }
        let deadline = reactor.now + .milliseconds(12)
        ids.value = (0..<5).map { reactor.startTimer(at: deadline, probe, token: $0) }
        _ = reactor.startTimer(at: deadline + .milliseconds(20), TimerProbe { _ in journal.add(99) })
      }
      #expect(waitUntil { journal.entries.contains(99) })
      #expect(journal.count == 2)
    }
  }

  @Test("a timer that is started again from its own handler with a past deadline does not stop the loop")
  func restartInHandler() {
    withReactor { reactor in
      let journal = Journal<Int>()
      final class Again: TimerHandler {
        let reactor: Reactor
        let journal: Journal<Int>
        init(_ reactor: Reactor, _ journal: Journal<Int>) {
          self.reactor = reactor
          self.journal = journal
        }
        func timerFired(token: UInt32) {
          journal.add(0)
          if journal.count < 10 { _ = reactor.startTimer(at: MonotonicTime(nanoseconds: 0), self) }
        }
      }
      reactor.sync { _ = reactor.startTimer(at: reactor.now, Again(reactor, journal)) }
      #expect(reactor.sync { true })
      #expect(journal.holds(10))
    }
  }

  // MARK: Descriptors

  @Test("readiness is level-triggered: what is left unread is told again")
  func levelTriggered() {
    withReactor { reactor in
      let pair = Pair()
      let journal = Journal<Int>()
      let slot = reactor.sync {
        try! reactor.register(pair.near, .readable, ReadyProbe { _ in journal.add(pair.read(3)) })
      }
      pair.write(10)
      #expect(journal.holds(4))
      #expect(journal.entries == [3, 3, 3, 1])
      reactor.sync { reactor.deregister(slot) }
      pair.close()
    }
  }

  @Test("nothing is told while the interest is taken away, and everything once it is back")
  func interest() {
    withReactor { reactor in
      let pair = Pair()
      let journal = Journal<Readiness>()
      let slot = reactor.sync {
        try! reactor.register(
          pair.near, [],
          ReadyProbe { readiness in
            journal.add(readiness)
            _ = pair.read(100)
          })
      }
      pair.write()
      for _ in 0..<20 { reactor.sync {} }
      #expect(journal.count == 0)
      reactor.sync { reactor.setInterest(slot, .readable) }
      #expect(journal.holds(1))
      #expect(journal.entries.first?.contains(.readable) == true)
      reactor.sync { reactor.deregister(slot) }
      reactor.sync { reactor.setInterest(slot, .readable) }
      pair.write()
      for _ in 0..<20 { reactor.sync {} }
      #expect(journal.count == 1)
      #expect(reactor.sync { reactor.registeredCount } == 0)
      pair.close()
    }
  }

  @Test(
    "a handler that deregisters others silences their events of the same turn, also when their slots are given out anew"
  )
  func deregisterInTurn() {
    withReactor { reactor in
      let pairs = (0..<8).map { _ in Pair() }
      let fresh = (0..<7).map { _ in Pair() }
      let old = Journal<Int>()
      let new = Journal<Int>()
      reactor.sync {
        let slots = Confined<[SlotID]>([])
        slots.value = pairs.enumerated().map { number, pair in
          try! reactor.register(
            pair.near, .readable,
            ReadyProbe { _ in
              old.add(number)
              // The first to be called takes all the others out and gives their slots to descriptors with nothing to read.
              for (other, slot) in slots.value.enumerated() {
                reactor.deregister(slot)
                if other != number { pairs[other].close() }
              }
              slots.value = []
              for pair in fresh {
                _ = try! reactor.register(pair.near, .readable, ReadyProbe { _ in new.add(pair.read(9)) })
              }
            })
        }
        for pair in pairs { pair.write() }
      }
      for _ in 0..<20 { reactor.sync {} }
      #expect(old.count == 1)
      #expect(new.count == 0)
      for pair in fresh { pair.write() }
      #expect(new.holds(7))
      #expect(new.entries.allSatisfy { $0 == 1 })
    }
  }

  @Test("a descriptor that the system refuses to watch is an error with words, and leaves nothing behind")
  func refusedWatch() throws {
    try withReactor { reactor in
      let pair = Pair()
      func refusal(_ descriptor: Int32) -> SystemCallError? {
        reactor.sync {
          do throws(SystemCallError) {
            _ = try reactor.register(descriptor, .readable, ReadyProbe { _ in })
            return nil
          } catch {
            return error
          }
        }
      }
      // epoll takes no regular file.
      let file = open("/proc/self/cmdline", O_RDONLY)
      #expect(refusal(file)?.code == EPERM)
      #expect(refusal(-1)?.code == EBADF)
      Glibc.close(file)
      reactor.sync { reactor.watchesMax = 0 }
      let full = try #require(refusal(pair.near))
      #expect(full.code == ENOSPC && full.isExhaustion)
      #expect("\(full)".contains("epoll_ctl") && "\(full)".contains("max_user_watches"))
      #expect(reactor.sync { reactor.registeredCount } == 0)

      // The reactor goes on, and takes the descriptor once there is room.
      reactor.sync { reactor.watchesMax = 1 }
      #expect(refusal(pair.near) == nil)
      #expect(refusal(pair.near)?.code == ENOSPC)
      pair.close()
    }
  }

  @Test("reactors for which there is no descriptor or no thread are an error with words, and leave nothing behind")
  func refusedStart() async {
    await #expect(processExitsWith: .success) {
      let lowest = dup(0)
      close(lowest)
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      // Of eventfd and epoll of each, all that may be missing is: the first, the second, those of the second reactor.
      for count in 0..<4 {
        var low = limit
        low.rlim_cur = rlim_t(lowest) + rlim_t(count)
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &low) == 0 else { exit(2) }
        do {
          _ = try ReactorGroup(count: 2)
          exit(3)
        } catch {
          guard (error as? SystemCallError)?.code == EMFILE, "\(error)".contains("ulimit -n") else { exit(4) }
        }
        guard dup(0) == lowest || count == 0 else { exit(5) }
        close(lowest)
      }
      guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { exit(6) }

      // Stacks larger than what addresses there are: no thread can be made.
      typealias SetDefault = @convention(c) (UnsafePointer<pthread_attr_t>) -> Int32
      guard let symbol = dlsym(nil, "pthread_setattr_default_np") else { exit(7) }
      var attributes = pthread_attr_t()
      pthread_attr_init(&attributes)
      pthread_attr_setstacksize(&attributes, 1 << 48)
      guard unsafeBitCast(symbol, to: SetDefault.self)(&attributes) == 0 else { exit(8) }
      do {
        _ = try ReactorGroup(count: 2)
        exit(9)
      } catch {
        guard "\(error)".contains("pthread_create") else { exit(10) }
      }
      guard dup(0) == lowest else { exit(11) }
      exit(0)
    }
  }

  @Test("a peer that leaves shows as its end and as hung up")
  func hangUp() {
    withReactor { reactor in
      let pair = Pair()
      let journal = Journal<Readiness>()
      reactor.sync {
        let slot = Confined<SlotID?>(nil)
        slot.value = try! reactor.register(
          pair.near, [.readable, .peerClosed],
          ReadyProbe { readiness in
            journal.add(readiness)
            if let id = slot.value { reactor.deregister(id) }
          })
      }
      Glibc.close(pair.far)
      #expect(journal.holds(1))
      #expect(journal.entries.first?.isSuperset(of: [.readable, .peerClosed, .hungUp]) == true)
    }
  }

  @Test("the reactor keeps a handler alive while it is registered, and lets it go afterwards")
  func lifetime() {
    withReactor { reactor in
      let pair = Pair()
      let isAlive = Journal<Bool>()
      reactor.sync {
        weak var watched: ReadyProbe?
        let slot: SlotID
        do {
          let probe = ReadyProbe { _ in }
          watched = probe
          slot = try! reactor.register(pair.near, .readable, probe)
        }
        isAlive.add(watched != nil)
        reactor.deregister(slot)
        isAlive.add(watched != nil)
      }
      #expect(isAlive.entries == [true, false])
      pair.close()
    }
  }

  @Test("several reactors each have their own thread and index")
  func group() {
    let group = ReactorGroup.started(count: 3, processors: [0], firstIndex: 5)
    let threads = group.reactors.map { reactor in reactor.sync { pthread_self() } }
    #expect(Set(threads).count == 3)
    #expect(group.reactors.map(\.index) == [5, 6, 7])
    let journal = Journal<Int>()
    group.onEach { journal.add($0.index) }
    #expect(journal.holds(3))
    #expect(Set(journal.entries) == [5, 6, 7])
    group.shutDown()
  }
}
