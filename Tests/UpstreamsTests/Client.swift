import HTTPWire
import Reactor
import Transport

@testable import Upstreams

/// What the request path does with a pool, with `await` in place of call-backs.
enum Client {
  /// Leases a session and holds it.
  static func lease(_ pool: SessionPool, _ wish: LeaseWish = LeaseWish()) async -> Result<UpstreamSession, LeaseFailure>
  {
    await withCheckedContinuation { continuation in
      pool.reactor.execute {
        let waiter = Waiter(continuation)
        pool.assumeIsolated { pool in
          switch pool.lease(wish, for: waiter, now: pool.reactor.now) {
          case .session(let session): waiter.end(.success(session))
          case .refused(let failure): waiter.end(.failure(failure))
          case .waiting: break
          }
        }
      }
    }
  }

  static func giveBack(_ session: UpstreamSession, _ pool: SessionPool) async {
    await withCheckedContinuation { continuation in
      pool.reactor.execute {
        pool.assumeIsolated { $0.giveBack(session) }
        continuation.resume()
      }
    }
  }

  /// Asked on the session's own reactor.
  static func isClosed(_ session: UpstreamSession, _ pool: SessionPool) async -> Bool {
    await withCheckedContinuation { continuation in
      pool.reactor.execute { continuation.resume(returning: session.isClosed) }
    }
  }

  /// One request from lease to give-back, with one retry on a fresh session when a kept one was stale; nil when it was answered.
  static func request(_ pool: SessionPool) async -> Failure? {
    let first = await exchange(pool, LeaseWish())
    guard case .stale? = first else { return first }
    return await exchange(pool, LeaseWish(fresh: true))
  }

  enum Failure: Error, Equatable {
    case lease(LeaseFailure)
    case stale
    case transport(TransportError)
  }

  private static func exchange(_ pool: SessionPool, _ wish: LeaseWish) async -> Failure? {
    await withCheckedContinuation { continuation in
      pool.reactor.execute {
        let exchange = Exchange(pool, continuation)
        pool.assumeIsolated { pool in
          switch pool.lease(wish, for: exchange, now: pool.reactor.now) {
          case .session(let session): exchange.begin(session)
          case .refused(let failure): exchange.end(.lease(failure))
          case .waiting: break
          }
        }
      }
    }
  }

  private final class Waiter: LeaseWaiter {
    private let continuation: Locked<CheckedContinuation<Result<UpstreamSession, LeaseFailure>, Never>?>

    init(_ continuation: CheckedContinuation<Result<UpstreamSession, LeaseFailure>, Never>) {
      self.continuation = Locked(continuation)
    }

    func end(_ result: Result<UpstreamSession, LeaseFailure>) {
      let continuation = continuation.withLock { held in
        defer { held = nil }
        return held
      }
      continuation?.resume(returning: result)
    }

    func leaseGranted(_ session: UpstreamSession, id: LeaseID) { end(.success(session)) }
    func leaseFailed(_ failure: LeaseFailure, id: LeaseID) { end(.failure(failure)) }
  }

  /// Confined to the pool's reactor.
  private final class Exchange: LeaseWaiter, ResponseReceiver, @unchecked Sendable {
    private let pool: SessionPool
    private var continuation: CheckedContinuation<Failure?, Never>?

    init(_ pool: SessionPool, _ continuation: CheckedContinuation<Failure?, Never>) {
      self.pool = pool
      self.continuation = continuation
    }

    func begin(_ session: UpstreamSession) {
      session.begin(Array("GET / HTTP/1.1\r\nHost: test\r\n\r\n".utf8), method: .get, receiver: self)
    }

    func end(_ failure: Failure?) {
      continuation?.resume(returning: failure)
      continuation = nil
    }

    func leaseGranted(_ session: UpstreamSession, id: LeaseID) { begin(session) }
    func leaseFailed(_ failure: LeaseFailure, id: LeaseID) { end(.lease(failure)) }

    func responseHead(_ head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan, from session: UpstreamSession) {}

    func responseBody(
      _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool, from session: UpstreamSession
    ) {
      guard isLast else { return }
      pool.assumeIsolated { $0.giveBack(session) }
      end(nil)
    }

    func responseFailed(_ error: TransportError, from session: UpstreamSession) {
      let isStale = !session.hasReceived && session.requestCount > 1
      pool.assumeIsolated { $0.discard(session, isStale ? .stale : .failed(error)) }
      end(isStale ? .stale : .transport(error))
    }
  }
}
