/// What two gateways say to each other when the second takes over a listening address from the first. One message a packet.
///
///     successor    take
///     predecessor  sockets …                the socket of the name itself, then the listening ones
///     successor    accepting                from here on the predecessor answers no others
///     successor    succeeded                before it leaves: a successor of its own goes on
///
/// The connection stays open as long as both live. When it ends without `succeeded`, the predecessor is the last of its line again.
enum HandoverMessage: Equatable {
  /// Asks for copies of the listening descriptors.
  case take
  /// Some of them, from the process of this number; so many are still to come.
  case sockets(process: Int32, remaining: Int)
  /// The process of this number accepts from them.
  case accepting(process: Int32)
  /// Whoever goes leaves them to a further process.
  case succeeded

  private static let protocolName = "sluice-handover/1"

  /// As it is sent.
  var text: String {
    switch self {
    case .take: "\(Self.protocolName) take"
    case .sockets(let process, let remaining): "\(Self.protocolName) sockets \(process) \(remaining)"
    case .accepting(let process): "\(Self.protocolName) accepting \(process)"
    case .succeeded: "\(Self.protocolName) succeeded"
    }
  }

  /// Nil for what is not of this protocol's version.
  init?(_ text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.first == Substring(Self.protocolName), words.count >= 2 else { return nil }
    let numbers = words[2...].map { Int32($0) }
    switch (words[1], numbers.count) {
    case ("take", 0): self = .take
    case ("succeeded", 0): self = .succeeded
    case ("accepting", 1):
      guard let process = numbers[0], process >= 0 else { return nil }
      self = .accepting(process: process)
    case ("sockets", 2):
      guard let process = numbers[0], let remaining = numbers[1], process >= 0, (0...4096).contains(remaining) else {
        return nil
      }
      self = .sockets(process: process, remaining: Int(remaining))
    default: return nil
    }
  }
}
