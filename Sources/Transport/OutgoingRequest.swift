internal import Reactor

/// A large body that is sent from where it lies: its owner keeps the bytes until the session lets go of it.
public protocol OutgoingBytes: AnyObject {
  /// Lends the bytes.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result
}

/// What of a request the kernel has not taken yet: the rest of what was sent first, and the pieces behind it.
struct OutgoingRequest {
  /// A part of a request behind its head.
  enum Piece {
    case copy([UInt8])
    case shared(any OutgoingBytes, Range<Int>)
  }

  /// How a send went.
  enum Progress {
    case done, blocked, broken
  }

  private var pieces: [Piece] = []
  private var place = 0
  private var sent = 0

  /// Whether nothing is left.
  var isEmpty: Bool { place == pieces.count }

  mutating func append(_ piece: Piece) { pieces.append(piece) }

  mutating func clear() { self = OutgoingRequest() }

  /// Sends what the kernel takes now.
  mutating func send(on stream: ByteStream) -> Progress {
    while place < pieces.count {
      let (size, outcome) = send(pieces[place], on: stream)
      switch outcome {
      case nil: break
      case .bytes(let count):
        sent += count
        guard sent == size else { continue }
      case .wouldBlock: return .blocked
      case .end, .failed: return .broken
      }
      place += 1
      sent = 0
    }
    clear()
    return .done
  }

  private func send(_ piece: Piece, on stream: ByteStream) -> (size: Int, outcome: Socket.Transfer?) {
    func send(_ bytes: UnsafeRawBufferPointer) -> (Int, Socket.Transfer?) {
      // A send of nothing says nothing.
      guard sent < bytes.count else { return (bytes.count, nil) }
      return (bytes.count, stream.send(UnsafeRawBufferPointer(rebasing: bytes[sent...])))
    }
    switch piece {
    case .copy(let bytes): return bytes.withUnsafeBytes { send($0) }
    case .shared(let owner, let range):
      return owner.withBytes { bytes in
        // Never beyond what is there, whatever the range says.
        send(UnsafeRawBufferPointer(rebasing: bytes[range.clamped(to: 0..<bytes.count)]))
      }
    }
  }
}

/// A request for an upstream as it is handed to a session: its head, with all of the body if that is short, and the pieces of a long one.
public struct RequestMessage {
  var pieces: [OutgoingRequest.Piece] = []

  /// One without pieces.
  public init() {}

  /// Adds bytes.
  public mutating func append(_ bytes: [UInt8]) { pieces.append(.copy(bytes)) }

  /// Adds a part of a body that stays where it is.
  public mutating func append(_ range: Range<Int>, of owner: any OutgoingBytes) { pieces.append(.shared(owner, range)) }
}
