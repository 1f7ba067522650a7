import Lifecycle

// What happens, for who reads a story or a table.

extension ExchangeAction.Step {
  /// For a reader.
  var words: String {
    switch self {
    case .lease(let lease): "lease(\(lease))"
    case .timedOut(let timeout): "timedOut(\(timeout))"
    case .close(let closing): "close(\(closing))"
    default: "\(self)"
    }
  }
}

extension ExchangeEvent {
  /// For a reader.
  var words: String {
    switch self {
    case .began(let times): "began, total \(times.total.nanoseconds / 1_000_000) ms"
    case .failed(let fault, let reaction, let hasOtherEndpoints):
      "failed(\(fault), reaction \(reaction.rawValue)\(hasOtherEndpoints ? ", has other endpoints" : ""))"
    case .delivered(let part): "delivered(\(part))"
    default: "\(self)"
    }
  }
}

extension Possessions {
  /// For a reader.
  var words: String {
    let names: [(Possessions, String)] = [
      (.leaseWait, "lease wait"), (.session, "session"), (.limitWait, "limit wait"), (.grant, "grant"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
  }
}
