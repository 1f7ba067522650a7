public import Glibc

/// Starts a thread.
public func spawn(_ body: @escaping @Sendable () -> Void) -> pthread_t {
  final class Start: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let context = Unmanaged.passRetained(Start(body)).toOpaque()
  let result = pthread_create(
    &thread, nil,
    { context in
      guard let context else { return nil }
      Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
      return nil
    }, context)
  precondition(result == 0, "no thread")
  return thread
}

/// Waits for a thread's end.
public func join(_ thread: pthread_t) { pthread_join(thread, nil) }

/// Starts a thread that nobody waits for.
func detach(_ body: @escaping @Sendable () -> Void) { pthread_detach(spawn(body)) }
