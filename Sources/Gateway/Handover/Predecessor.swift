internal import Glibc
internal import Reactor

/// The process that listens on an address now, as its successor sees it.
struct Predecessor {
  /// Its number, as it says.
  let process: Int32
  /// The connection to it: open as long as both live.
  let link: Int32
  /// The socket of the name under which the next successor asks.
  let name: Int32
  /// Its listening sockets for the address; all of them are checked.
  let descriptors: [Int32]

  /// What came of asking.
  enum Answer {
    /// Nobody has the name.
    case none
    case given(Predecessor)
    /// Somebody has it, but does not hand over: what is wrong.
    case refused(String)
  }

  /// Asks for the listening descriptors of `address`. Blocks, at most until `deadline`.
  static func ask(_ name: String, _ address: SocketAddress, until deadline: MonotonicTime) -> Answer {
    let link: Int32
    do throws(SystemCallError) {
      link = try LocalSocket.connect(name)
    } catch {
      return error.code == ECONNREFUSED ? .none : .refused("\(error)")
    }
    // Anybody may take a name: what a stranger sends is not looked at.
    guard let peer = LocalSocket.peer(link), peer.user == geteuid() || peer.user == 0 else {
      Socket.close(link)
      return .refused("@\(name) belongs to another user")
    }
    guard LocalSocket.send(link, HandoverMessage.take.text) else {
      Socket.close(link)
      return .refused("@\(name) takes no message")
    }
    var received: [Int32] = []
    let process = collect(link, into: &received, until: deadline)
    guard let process, let nameSocket = received.first else {
      for descriptor in received + [link] { Socket.close(descriptor) }
      return .refused("the process behind @\(name) does not answer")
    }
    var descriptors: [Int32] = []
    for descriptor in received.dropFirst() {
      if Socket.isListening(descriptor, on: address) {
        descriptors.append(descriptor)
      } else {
        Socket.close(descriptor)
      }
    }
    guard !descriptors.isEmpty else {
      for descriptor in [link, nameSocket] { Socket.close(descriptor) }
      return .refused("process \(process) has no listening socket for \(address)")
    }
    return .given(Predecessor(process: process, link: link, name: nameSocket, descriptors: descriptors))
  }

  /// Takes messages until all descriptors are there. Gives back the sender's number, nil when it did not send all.
  private static func collect(_ link: Int32, into received: inout [Int32], until deadline: MonotonicTime) -> Int32? {
    while LocalSocket.waitForInput(link, until: deadline) {
      switch LocalSocket.receive(link) {
      case .wouldBlock: continue
      case .end: return nil
      case .message(let text, let descriptors):
        received += descriptors
        guard case .sockets(let process, let remaining) = HandoverMessage(text) else { return nil }
        if remaining == 0 { return process }
      }
    }
    return nil
  }
}
