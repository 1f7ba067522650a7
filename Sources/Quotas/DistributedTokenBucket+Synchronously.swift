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
}
