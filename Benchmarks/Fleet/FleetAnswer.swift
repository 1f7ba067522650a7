import CLinux

/// Reads the events of one streamed answer: enough to count its text and to know whether it ended as the protocol wants.
struct FleetAnswer {
  /// Events with text.
  private(set) var textEvents = 0
  /// The finish reason, when it has come.
  private(set) var finish: Finish?
  private(set) var isDone = false
  private(set) var hasError = false
  /// What the answer's usage says.
  private(set) var usage: (prompt: Int, completion: Int)?
  private var line: [UInt8] = []

  /// Why an answer ended.
  enum Finish { case stop, length }

  /// Takes a piece of the body; `text` is called for each event with text, with its number.
  mutating func feed(_ bytes: UnsafeRawBufferPointer, text: (Int) -> Void) {
    var rest = bytes
    while let base = rest.baseAddress, let found = memchr(base, 10, rest.count) {
      let count = UnsafeRawPointer(found) - UnsafeRawPointer(base)
      let end = UnsafeRawBufferPointer(rebasing: rest[..<count])
      if line.isEmpty {
        take(end, text)
      } else {
        line.append(contentsOf: end)
        let whole = line
        line.removeAll(keepingCapacity: true)
        whole.withUnsafeBytes { take($0, text) }
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[(count + 1)...])
    }
    line.append(contentsOf: rest)
  }

  private mutating func take(_ line: UnsafeRawBufferPointer, _ text: (Int) -> Void) {
    guard Self.find("data:", line) == 0 else { return }
    if Self.find("[DONE]", line) != nil { isDone = true }
    if Self.find("\"error\":{", line) != nil { hasError = true }
    if let place = Self.find("\"content\":\"", line), place + 11 < line.count, line[place + 11] != 0x22 {
      text(textEvents)
      textEvents += 1
    }
    if Self.find("\"finish_reason\":\"length\"", line) != nil {
      finish = .length
    } else if Self.find("\"finish_reason\":\"", line) != nil {
      finish = .stop
    }
    if let prompt = Self.number("\"prompt_tokens\":", line),
      let completion = Self.number("\"completion_tokens\":", line)
    {
      usage = (prompt, completion)
    }
  }

  private static func find(_ word: StaticString, _ line: UnsafeRawBufferPointer) -> Int? {
    guard let base = line.baseAddress, let found = memmem(base, line.count, word.utf8Start, word.utf8CodeUnitCount)
    else { return nil }
    return UnsafeRawPointer(found) - base
  }

  private static func number(_ name: StaticString, _ line: UnsafeRawBufferPointer) -> Int? {
    guard let place = find(name, line) else { return nil }
    let digits = line[(place + name.utf8CodeUnitCount)...].drop { $0 == 32 }.prefix { (48...57).contains($0) }
    return digits.isEmpty ? nil : digits.reduce(0) { $0 &* 10 &+ Int($1) &- 48 }
  }
}
