import Glibc
import Reactor
import TestKit

/// An upstream that answers each request step by step, byte for byte and at its own pace, and counts the requests that
/// reached it whole: for answers that no script has.
final class SteppedUpstream: Sendable {
  /// What it does next.
  enum Step: Sendable, Equatable {
    /// Sends these bytes.
    case send(String)
    /// Lets so many milliseconds pass.
    case pause(Int)
    /// Closes the connection the regular way.
    case close
    /// Closes it with a reset.
    case reset
    /// Says nothing more until the peer leaves.
    case silence
  }

  private let listener: RawListener
  private let state: State

  /// Where it listens.
  var port: UInt16 { listener.port }
  /// The requests that were read to their end.
  var requestCount: Int { state.count.withLock { $0 } }

  /// A connection that was not closed takes further requests.
  ///
  /// - Parameter answers: the first is for the first request, whichever connection brings it, and so on; the last one
  ///   for all that follow.
  init(_ answers: [[Step]]) throws {
    listener = try RawListener()
    state = State(answers)
    // The thread holds the listener, not this object: it ends when this object does.
    pthread_detach(
      spawn { [listener, state] in
        while !state.isOver.withLock({ $0 }) {
          guard let client = try? listener.accept(timeout: .seconds(1)) else { continue }
          pthread_detach(spawn { state.serve(client) })
        }
      })
  }

  convenience init(_ steps: [Step]) throws { try self.init([steps]) }

  deinit { state.isOver.withLock { $0 = true } }

  private final class State: Sendable {
    let answers: [[Step]]
    let count = Locked(0)
    let isOver = Locked(false)

    init(_ answers: [[Step]]) { self.answers = answers }

    func serve(_ client: RawClient) {
      while (try? readRequest(client)) != nil {
        let number = count.withLock { count in
          count += 1
          return count - 1
        }
        for step in answers[min(number, answers.count - 1)] {
          switch step {
          case .send(let text): guard (try? client.send(text)) != nil else { return client.close() }
          case .pause(let milliseconds): usleep(UInt32(milliseconds) * 1_000)
          case .close: return client.close()
          case .reset: return client.reset()
          case .silence: return waitForEnd(client)
          }
        }
      }
      client.close()
    }

    private func readRequest(_ client: RawClient) throws {
      let head = String(decoding: try client.read(until: "\r\n\r\n"), as: UTF8.self).lowercased()
      let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
        .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) }
      if let length, length > 0 { _ = try client.read(count: length) }
    }

    private func waitForEnd(_ client: RawClient) {
      while !isOver.withLock({ $0 }) {
        switch client.readSome(timeout: .seconds(1)) {
        case .bytes, .timeout: continue
        case .end, .reset: return client.close()
        }
      }
    }
  }
}

extension [SteppedUpstream.Step] {
  /// A whole answer of known length; without a type there is no such field.
  static func answer(
    _ body: String, status: String = "200 OK", type: String? = "application/json", headers: String = ""
  ) -> Self {
    [.send(head(status, type, headers + "content-length: \(body.utf8.count)\r\n") + body)]
  }

  /// An answer in chunks, each sent by itself after a pause, and ended the regular way.
  ///
  /// - Parameter pause: milliseconds before each piece but the first, and before the end.
  static func chunked(
    _ pieces: [String], type: String? = "text/event-stream", headers: String = "", pause: Int = 0
  ) -> Self {
    open(pieces, type: type, headers: headers, pause: pause) + (pause > 0 ? [.pause(pause)] : [])
      + [.send("0\r\n\r\n")]
  }

  /// The same without its end.
  static func open(
    _ pieces: [String], type: String? = "text/event-stream", headers: String = "", pause: Int = 0
  ) -> Self {
    var steps: Self = [.send(head("200 OK", type, headers + "transfer-encoding: chunked\r\n"))]
    for (index, piece) in pieces.enumerated() {
      if index > 0, pause > 0 { steps.append(.pause(pause)) }
      steps.append(.send("\(String(piece.utf8.count, radix: 16))\r\n\(piece)\r\n"))
    }
    return steps
  }

  private static func head(_ status: String, _ type: String?, _ fields: String) -> String {
    "HTTP/1.1 \(status)\r\n\(type.map { "content-type: \($0)\r\n" } ?? "")\(fields)\r\n"
  }
}
