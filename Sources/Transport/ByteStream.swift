internal import Reactor

/// A connected stream of bytes: a TCP socket, or TLS over one. The place where downstream TLS will come in.
struct ByteStream {
  let descriptor: Int32
  var tls: TLSSession?

  /// Receives once into `buffer`.
  @inline(__always)
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
    guard let tls else { return Socket.receive(descriptor, into: buffer) }
    return tls.receive(into: buffer)
  }

  /// Sends what the kernel takes now.
  @inline(__always)
  func send(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
    guard let tls else { return Socket.send(descriptor, bytes) }
    return tls.send(bytes)
  }

  /// Whether bytes, an end or an error wait to be read. Takes nothing out.
  var hasInput: Bool {
    guard let tls else { return Socket.hasInput(descriptor) }
    return tls.hasInput
  }

  /// Closes; `abruptly` with a reset, so that the peer does not take the end for a regular one.
  func close(abruptly: Bool = false) {
    if abruptly {
      Socket.resetOnClose(descriptor)
    } else {
      tls?.sayGoodbye()
    }
    Socket.close(descriptor)
  }
}
