import Foundation
import Glibc
import Reactor

/// What every scenario works with: options, placement, a temporary directory, the custodian, the contenders.
final class Bench {
  let options: Options
  let placement = Placement()
  /// Removed by the custodian.
  let directory: String
  let custodian: Custodian
  /// `direct` first: what the others' latencies are compared with.
  let contenders: [any Contender]
  /// The gateway with one limit on tokens, for the scenarios that look at just that.
  private(set) lazy var tokenLimited = Result { try Sluice(options, .tokenLimited) }
  /// What could not take part, and why.
  let absent: [String]
  /// Where progress is told.
  let say: (String) -> Void

  init(_ options: Options, say: @escaping (String) -> Void) throws {
    self.options = options
    self.say = say
    directory = try Self.temporaryDirectory()
    custodian = try Custodian(directory: directory)
    Self.raiseDescriptorLimit()

    var contenders: [any Contender] = [Direct()]
    var absent: [String] = []
    if options.against.contains("nginx") { contenders.append(try Nginx(custodian)) }
    do {
      if options.against.contains("uncounted") { contenders.append(try Sluice(options, .uncounted)) }
      contenders.append(try Sluice(options, .plain))
      if options.against.contains("limited") { contenders.append(try Sluice(options, .limited)) }
    } catch let error as BenchmarkError {
      absent.append("sluice: \(error)")
    }
    self.contenders = contenders
    self.absent = absent
  }

  /// Contenders that were asked for, by name.
  func contenders(_ names: String...) -> [any Contender] { contenders.filter { names.contains($0.name) } }

  /// Starts an upstream on the load's processor.
  func startUpstream(_ script: UpstreamScript) throws -> Upstream {
    let child = try ChildProcess(
      ChildProcess.Launch(
        path: "/proc/self/exe",
        arguments: ["upstream", "--script", script.text], processor: placement.load, output: .pipe),
      custodian: custodian)
    guard let line = child.readLine(timeoutSeconds: 10), let port = UInt16(line) else {
      throw BenchmarkError("the upstream did not start")
    }
    return Upstream(process: child, port: port)
  }

  /// Runs the load process and gives back what it found.
  func load(_ plan: LoadPlan) throws -> LoadResult {
    let text = String(decoding: try JSONEncoder().encode(plan), as: UTF8.self)
    let child = try ChildProcess(
      ChildProcess.Launch(
        path: "/proc/self/exe", arguments: ["load", "--plan", text], processor: placement.load, output: .pipe),
      custodian: custodian)
    let seconds = plan.rampSeconds + plan.warmUpSeconds + plan.windowSeconds + plan.drainSeconds
    guard let output = child.readAll(timeoutSeconds: Int(seconds) + 60) else {
      throw BenchmarkError("the load process did not finish in time")
    }
    guard child.waitForEnd() == 0 else { throw BenchmarkError("the load process failed") }
    return try JSONDecoder().decode(LoadResult.self, from: Data(output))
  }

  /// Asks until an answer is there, and gives it back.
  @discardableResult
  func waitUntilServing(_ running: RunningContender) throws -> PlainClient.Answer {
    let request = running.readinessRequest
    let start = MonotonicTime.readClock()
    while true {
      if let answer = try PlainClient.ask(port: running.port, request) {
        guard answer.status == 200 else {
          let body = String(decoding: answer.body.prefix(500), as: UTF8.self)
          throw BenchmarkError("\(running.name) answers \(answer.status): \(body)\(running.logTail)")
        }
        return answer
      }
      guard running.process?.isRunning ?? true else {
        throw BenchmarkError("\(running.name) ended at once\(running.logTail)")
      }
      guard MonotonicTime.readClock() < start + .seconds(10) else {
        throw BenchmarkError("\(running.name) did not answer within 10 s\(running.logTail)")
      }
      usleep(200)
    }
  }

  /// A new directory, which a custodian is to remove.
  static func temporaryDirectory() throws -> String {
    var template = Array("/tmp/sluice-benchmark-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw BenchmarkError("cannot make a temporary directory in /tmp") }
    return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Thousands of streams need thousands of descriptors, here and in what is spawned.
  static func raiseDescriptorLimit() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(7), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(7), &limit)
  }
}

/// A running upstream process; ends with the value's last owner.
struct Upstream {
  let process: ChildProcess
  let port: UInt16
}
