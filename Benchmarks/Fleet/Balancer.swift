import Foundation
import Glibc
import Reactor

/// A plain TCP balancer: each connection goes to the next target in turn, and bytes pass as they come.
final class Balancer {
  private let reactor: Reactor
  private let targets: [SocketAddress]
  private var next = 0

  init(targets: [UInt16]) throws {
    reactor = try Reactor(index: 0)
    self.targets = targets.compactMap { SocketAddress(literal: "127.0.0.1", port: $0) }
    guard !targets.isEmpty, self.targets.count == targets.count else { throw BenchmarkError("no targets") }
  }

  /// Serves until the process ends; `tell` hears the port first.
  func run(tell: (UInt16) -> Void) throws {
    guard let any = SocketAddress(literal: "127.0.0.1", port: 0) else { throw BenchmarkError("no loopback") }
    let listener = try Listener(reactor: reactor, descriptor: try Socket.listen(on: any), address: any) {
      [unowned self] descriptor, _ in accepted(descriptor)
    }
    tell(listener.address.port)
    reactor.run()
    withExtendedLifetime(listener) {}
  }

  private func accepted(_ descriptor: Int32) {
    let target = targets[next % targets.count]
    next += 1
    guard let far = try? Socket.connect(to: target) else { return Socket.close(descriptor) }
    Socket.disableDelay(descriptor)
    Socket.disableDelay(far)
    let near = BalancedEnd(reactor, descriptor, isConnecting: false)
    let other = BalancedEnd(reactor, far, isConnecting: true)
    if (try? near.join(other)) == nil { near.closeBoth(isReset: true) }
  }
}

/// One side of a balanced connection: what it receives, the other side sends.
private final class BalancedEnd: EventHandler {
  /// Bytes that may wait for a side that does not read; then the other one is not read either.
  private static let waitingBytesMax = 256 << 10

  private let reactor: Reactor
  private let descriptor: Int32
  private var isConnecting: Bool
  private var slot: SlotID?
  private var other: BalancedEnd?
  /// Bytes for this side that its socket has not taken.
  private var waiting: [UInt8] = []
  /// Whether its peer has ended, and whether it has been told that the other's has.
  private var hasEnded = false
  private var isToldEnd = false

  init(_ reactor: Reactor, _ descriptor: Int32, isConnecting: Bool) {
    self.reactor = reactor
    self.descriptor = descriptor
    self.isConnecting = isConnecting
  }

  func join(_ other: BalancedEnd) throws {
    self.other = other
    other.other = self
    for end in [self, other] { end.slot = try reactor.register(end.descriptor, end.interest, end) }
  }

  func ready(_ readiness: Readiness) {
    if isConnecting {
      guard Socket.connectError(descriptor) == 0 else { return closeBoth(isReset: true) }
      isConnecting = false
    }
    guard flush() else { return closeBoth(isReset: true) }
    if !hasEnded, other?.hasRoom ?? false {
      guard receive() else { return closeBoth(isReset: true) }
    } else if hasEnded, readiness.contains(.failed) || readiness.contains(.hungUp) {
      return closeBoth(isReset: false)
    }
    settle()
  }

  private var hasRoom: Bool { waiting.count < Self.waitingBytesMax }

  private var interest: Readiness {
    var interest: Readiness = []
    if !isConnecting, !hasEnded, other?.hasRoom ?? false { interest.insert(.readable) }
    if isConnecting || !waiting.isEmpty { interest.insert(.writable) }
    return interest
  }

  private func receive() -> Bool {
    let buffer = UnsafeMutableRawBufferPointer(rebasing: reactor.receiveBuffer[..<Reactor.readBytesMax])
    switch Socket.receive(descriptor, into: buffer) {
    case .bytes(let count): return other?.send(UnsafeRawBufferPointer(rebasing: buffer[..<count])) ?? false
    case .wouldBlock: return true
    case .end:
      hasEnded = true
      return true
    case .failed: return false
    }
  }

  private func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard waiting.isEmpty, !isConnecting else {
      waiting.append(contentsOf: bytes)
      return true
    }
    switch Socket.send(descriptor, bytes) {
    case .bytes(let count): waiting.append(contentsOf: bytes[count...])
    case .wouldBlock: waiting.append(contentsOf: bytes)
    case .end, .failed: return false
    }
    return true
  }

  private func flush() -> Bool {
    guard !waiting.isEmpty, !isConnecting else { return true }
    switch waiting.withUnsafeBytes({ Socket.send(descriptor, $0) }) {
    case .bytes(let count): waiting.removeFirst(count)
    case .wouldBlock: break
    case .end, .failed: return false
    }
    return true
  }

  /// Hands ends on once what came before them is gone, and waits for what is next.
  private func settle() {
    guard let other else { return }
    for (from, to) in [(self, other), (other, self)]
    where from.hasEnded && to.waiting.isEmpty && !to.isToldEnd && !to.isConnecting {
      to.isToldEnd = true
      Socket.shutdownSending(to.descriptor)
    }
    if isToldEnd && other.isToldEnd { return closeBoth(isReset: false) }
    for end in [self, other] { if let slot = end.slot { reactor.setInterest(slot, end.interest) } }
  }

  func closeBoth(isReset: Bool) {
    for end in [self, other].compactMap({ $0 }) {
      if let slot = end.slot { reactor.deregister(slot) }
      end.slot = nil
      if isReset { Socket.resetOnClose(end.descriptor) }
      Socket.close(end.descriptor)
    }
    other?.other = nil
    other = nil
  }
}
