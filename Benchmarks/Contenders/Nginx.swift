import Foundation
import Glibc

/// nginx as a bare reverse proxy: the C program to compare with. One worker, kept connections both ways, no
/// buffering, no log. A request's body stays in memory: as nginx is set by itself, one of 48 KiB would go through a file.
struct Nginx: Contender {
  let name = "nginx"
  let words: String
  let hasProcess = true
  private let path: String

  /// Looks for nginx and installs it when it is missing.
  init(_ custodian: Custodian) throws {
    if Self.find() == nil { try Self.install(custodian) }
    guard let path = Self.find() else { throw BenchmarkError("nginx is not there and could not be installed") }
    self.path = path
    words = "bare proxy_pass, 1 worker, keep-alive both ways, proxy_buffering off, no access log"
  }

  func start(_ bench: Bench, upstreamPort: UInt16) throws -> RunningContender {
    let port = try PlainClient.freePort()
    let directory = bench.directory + "/nginx"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let file = directory + "/nginx.conf"
    let errorLog = directory + "/error.log"
    let text = Self.configuration(directory, port: port, upstreamPort: upstreamPort, processor: bench.placement.gateway)
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    let process = try ChildProcess(
      ChildProcess.Launch(
        path: path, arguments: ["-p", directory, "-e", errorLog, "-c", file], processor: bench.placement.gateway,
        output: .file(errorLog), errors: .file(errorLog)),
      custodian: bench.custodian)
    return RunningContender(name: name, port: port, process: process, errorLog: errorLog)
  }

  private static func configuration(_ directory: String, port: UInt16, upstreamPort: UInt16, processor: Int?) -> String
  {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(directory)/\($0);" }
    return """
      daemon off;
      \(getuid() == 0 ? "user root;" : "")
      worker_processes 1;
      \(processor == nil ? "" : "worker_cpu_affinity 1;")
      worker_rlimit_nofile 65536;
      pid \(directory)/nginx.pid;
      error_log \(directory)/error.log warn;
      events { worker_connections 20000; }
      http {
        access_log off;
        \(temporary.joined(separator: " "))
        tcp_nodelay on;
        client_body_buffer_size 256k;
        keepalive_timeout 1h;
        keepalive_requests 1000000000;
        upstream benchmark {
          server 127.0.0.1:\(upstreamPort);
          keepalive 1024;
          keepalive_requests 1000000000;
        }
        server {
          listen 127.0.0.1:\(port) backlog=4096;
          location / {
            proxy_pass http://benchmark;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 1h;
          }
        }
      }

      """
  }

  private static func find() -> String? {
    ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx", "/usr/local/bin/nginx"].first {
      access($0, X_OK) == 0
    }
  }

  private static func install(_ custodian: Custodian) throws {
    let environment = ["DEBIAN_FRONTEND": "noninteractive"]
    let sudo = getuid() == 0 ? [] : ["sudo", "-n"]
    for arguments in [["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "nginx-light"]] {
      let command = sudo + ["apt-get"] + arguments
      let launch = ChildProcess.Launch(
        path: command[0], arguments: Array(command.dropFirst()), environment: environment, output: .file("/dev/stderr"))
      let code = try ChildProcess(launch, custodian: custodian).waitForEnd()
      guard code == 0 else { throw BenchmarkError("`\(command.joined(separator: " "))` ended with \(code)") }
    }
  }
}
