import Reactor
import Testing
import Transport
import TestKit

/// A name server that answers when the test says so.
private final class NameServer: Sendable {
  struct State {
    var asked: [String] = []
    var running = 0
    var runningMost = 0
    var answers: [String: Resolver.Answer] = [:]
    var isHolding = false
  }
  private let state = Locked(State())

  @Sendable func lookUp(_ host: String, _ port: UInt16) -> Resolver.Answer {
    state.withLock {
      $0.asked.append(host)
      $0.running += 1
      $0.runningMost = max($0.runningMost, $0.running)
    }
    _ = waitUntil(timeout: .seconds(8)) { !state.withLock { $0.isHolding } }
    return state.withLock {
      $0.running -= 1
      return $0.answers[host] ?? .failure(.nameNotResolved("unknown"))
    }
  }

  func set(_ host: String, _ answer: Resolver.Answer) { state.withLock { $0.answers[host] = answer } }
  func hold(_ isHolding: Bool) { state.withLock { $0.isHolding = isHolding } }
  var asked: [String] { state.withLock { $0.asked } }
  var running: Int { state.withLock { $0.running } }
  var runningMost: Int { state.withLock { $0.runningMost } }
}

/// A resolver on a running reactor.
private final class ResolverRig: Sendable {
  let server = NameServer()
  let resolver: Resolver
  let group = ReactorGroup.started(count: 1)
  let answers = Journal<(host: String, answer: Resolver.Answer)>()
  init() { resolver = Resolver(lookUp: server.lookUp) }

  func resolve(_ host: String, timeToLive: Duration = .seconds(600)) {
    let reactor = group.reactors[0]
    reactor.sync { [self] in
      resolver.resolve(host, port: 80, timeToLive: timeToLive, now: MonotonicTime.readClock(), on: reactor) { answer in
        precondition(reactor.isCurrent, "answered on another thread")
        self.answers.add((host, answer))
      }
    }
  }

  /// The answer of the last that was given.
  var last: Resolver.Answer? { answers.entries.last?.answer }
}

private func address(_ number: Int) -> Resolver.Answer {
  .success([SocketAddress(literal: "10.0.0.\(number)", port: 80)].compactMap { $0 })
}

@Suite("Resolver", .serialized)
struct ResolverTests {
  private func withRig(_ body: (ResolverRig) throws -> Void) rethrows {
    let rig = ResolverRig()
    defer {
      rig.server.hold(false)
      rig.group.shutDown()
    }
    try body(rig)
  }

  @Test("an answer is asked once and kept while it is fresh")
  func caches() {
    withRig { rig in
      rig.server.set("a", address(1))
      for number in 1...5 {
        rig.resolve("a")
        #expect(rig.answers.holds(number))
        #expect(rig.last == address(1))
      }
      #expect(rig.server.asked == ["a"])
    }
  }

  @Test("a literal address is answered at once and never looked up")
  func literal() {
    withRig { rig in
      rig.resolve("10.0.0.9")
      rig.resolve("::1")
      #expect(rig.answers.count == 2)
      #expect(rig.answers.entries.first?.answer == address(9))
      #expect(rig.server.asked.isEmpty)
    }
  }

  @Test("an old answer is used while a newer one is fetched, which then takes its place")
  func refreshes() {
    withRig { rig in
      rig.server.set("a", address(1))
      rig.resolve("a", timeToLive: .zero)
      #expect(rig.answers.holds(1))
      rig.server.hold(true)
      rig.server.set("a", address(2))
      // One of several that find it old asks again; none waits.
      for _ in 0..<3 { rig.resolve("a", timeToLive: .zero) }
      #expect(rig.answers.count == 4)
      #expect(rig.last == address(1))
      rig.server.hold(false)
      #expect(
        waitUntil {
          rig.resolve("a", timeToLive: .seconds(600))
          return rig.last == address(2)
        })
    }
  }

  @Test("an old answer is used for as long as the name server fails")
  func staleOnFailure() {
    withRig { rig in
      rig.server.set("a", address(1))
      rig.resolve("a", timeToLive: .zero)
      #expect(rig.answers.holds(1))
      rig.server.set("a", .failure(.nameNotResolved("down")))
      for number in 2...6 {
        rig.resolve("a", timeToLive: .zero)
        #expect(rig.answers.holds(number))
        #expect(rig.last == address(1))
      }
      #expect(waitUntil { rig.server.asked.count == 2 })
    }
  }

  @Test("everybody who waits for a name is answered, after one look-up")
  func waiters() {
    withRig { rig in
      rig.server.hold(true)
      rig.server.set("a", address(1))
      for _ in 0..<100 { rig.resolve("a") }
      #expect(rig.answers.count == 0)
      rig.server.hold(false)
      #expect(rig.answers.holds(100))
      #expect(rig.answers.entries.allSatisfy { $0.answer == address(1) })
      #expect(rig.server.asked.count == 1)
    }
  }

  @Test("who asks again right after a failure is answered too, without another look-up at once")
  func failureAgain() {
    withRig { rig in
      rig.resolve("nowhere")
      #expect(rig.answers.holds(1))
      rig.resolve("nowhere")
      #expect(rig.answers.holds(2))
      #expect(rig.answers.entries.allSatisfy { $0.answer == .failure(.nameNotResolved("unknown")) })
      #expect(rig.server.asked.count == 1)
      // Asked again after a while, and then found.
      rig.server.set("nowhere", address(3))
      #expect(
        waitUntil {
          rig.resolve("nowhere")
          return rig.last == address(3)
        })
    }
  }

  @Test("at most eight look-ups run at once; the others follow, each with its own time to live")
  func atMostEight() {
    withRig { rig in
      rig.server.hold(true)
      for number in 0..<30 {
        rig.server.set("h\(number)", address(number))
        rig.resolve("h\(number)", timeToLive: number < 8 ? .zero : .seconds(600))
      }
      #expect(waitUntil { rig.server.running == Resolver.lookupsMax })
      #expect(rig.answers.count == 0)
      rig.server.hold(false)
      #expect(rig.answers.holds(30))
      #expect(rig.server.runningMost == Resolver.lookupsMax)
      for entry in rig.answers.entries { #expect(entry.answer == address(Int(entry.host.dropFirst()) ?? -1)) }
      // Those that waited in line behind names with no time to live are fresh nevertheless.
      for number in 8..<30 { rig.resolve("h\(number)") }
      #expect(rig.server.asked.count == 30)
    }
  }

  @Test("the system's look-up finds this machine and refuses a name that cannot exist")
  func system() {
    let rig = ResolverRig()
    defer { rig.group.shutDown() }
    let resolver = Resolver()
    let reactor = rig.group.reactors[0]
    for host in ["localhost", "does-not-exist.invalid"] {
      resolver.resolve(host, port: 8080, timeToLive: .seconds(5), now: MonotonicTime.readClock(), on: reactor) {
        rig.answers.add((host, $0))
      }
    }
    #expect(rig.answers.holds(2, within: 10))
    for entry in rig.answers.entries {
      switch entry.answer {
      case .success(let addresses):
        #expect(entry.host == "localhost")
        #expect(addresses.allSatisfy { $0.isLoopback && $0.port == 8080 })
      case .failure(let error):
        #expect(entry.host != "localhost")
        #expect(error.description.contains("could not be resolved"))
      }
    }
  }
}
