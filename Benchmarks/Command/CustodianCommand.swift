import ArgumentParser
import Foundation
import Glibc

/// The custodian's side of the pipe; see `Custodian`.
struct CustodianCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "custodian", shouldDisplay: false)

  @Option var pipe: Int32
  @Option var directory: String

  func run() {
    for signal in [SIGINT, SIGTERM, SIGHUP] { Glibc.signal(signal, SIG_IGN) }
    var running: Set<pid_t> = []
    while let line = nextLine() {
      guard let pid = pid_t(line.dropFirst()), pid > 1 else { continue }
      if line.first == "+" { running.insert(pid) } else { running.remove(pid) }
    }
    for pid in running { kill(-pid, SIGKILL) }
    try? FileManager.default.removeItem(atPath: directory)
  }

  private func nextLine() -> String? {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = read(pipe, &byte, 1)
      if count < 0 && errno == EINTR { continue }
      guard count == 1 else { return nil }
      if byte == 10 { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
  }
}
