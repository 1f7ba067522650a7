package import Reactor

/// A connected stream of bytes: a TCP socket, or TLS over one. The place where downstream TLS will come in.
/// Shared within the package: what speaks another protocol than HTTP stands on it too.
package struct ByteStream {
  package let descriptor: Int32
  package var tls: TLSSession?

  package init(descriptor: Int32, tls: TLSSession?) {
    self.descriptor = descriptor
    self.tls = tls
  }

  /// Receives once into `buffer`.
  @inline(__always)
  package func receive(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
    guard let tls else { return Socket.receive(descriptor, into: buffer) }
    return tls.receive(into: buffer)
  }

  /// Sends what the kernel takes now.
  @inline(__always)
  package func send(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
    guard let tls else { return Socket.send(descriptor, bytes) }
    return tls.send(bytes)
  }

  /// Whether bytes, an end or an error wait to be read. Takes nothing out.
  var hasInput: Bool {
    guard let tls else { return Socket.hasInput(descriptor) }
    return tls.hasInput
  }

  /// Closes; `abruptly` with a reset, so that the peer does not take the end for a regular one.
  package func close(abruptly: Bool = false) {
    if abruptly {
      Socket.resetOnClose(descriptor)
    } else {
      tls?.sayGoodbye()
    }
    Socket.close(descriptor)
  }
}
