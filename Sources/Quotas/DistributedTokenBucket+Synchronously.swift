internal import Reactor

/// The byte path's door into the actor, entered from its own reactor, where the byte path already is, without suspending.
///
/// Debug builds ask the runtime (`assumeIsolated`), which traps on another thread. Release builds do not: the question costs more than what is done
/// inside. A function with an isolated parameter has the same form at run time as one without, so the cast changes what the compiler knows, not what is called.
extension DistributedTokenBucket {
  @inline(__always)
  nonisolated func here<Result: Sendable>(_ body: (isolated DistributedTokenBucket) -> Result) -> Result {
    #if DEBUG
      return assumeIsolated(body)
    #else
      typealias Plain = (DistributedTokenBucket) -> Result
      return withoutActuallyEscaping(body) { unsafeBitCast($0, to: Plain.self)(self) }
    #endif
  }

  /// The same for a body that captures nothing and is given what it needs: one that captures would be an allocation at each call.
  @inline(__always)
  nonisolated func here<Argument, Result: Sendable>(
    _ argument: Argument, _ body: @escaping (isolated DistributedTokenBucket, Argument) -> Result
  ) -> Result {
    #if DEBUG
      reactor.assertOnReactor()
    #endif
    typealias Plain = (DistributedTokenBucket, Argument) -> Result
    return unsafeBitCast(body, to: Plain.self)(self, argument)
  }
}
