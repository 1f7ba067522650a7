internal import CFuzzer

/// `fuzz http|sse|json|redis [OPTIONS OF LIBFUZZER] CORPUS`
@main
struct Fuzz {
  static func main() {
    guard CommandLine.arguments.count > 1 else { fatalError("usage: fuzz http|sse|json|redis [options] [corpus]") }
    var count = CommandLine.argc - 1
    // libFuzzer's own arguments begin behind the name of the target.
    var arguments = CommandLine.unsafeArgv + 1
    _ =
      switch CommandLine.arguments[1] {
      case "http": LLVMFuzzerRunDriver(&count, &arguments) { Fuzz.run(fuzzHTTP, $0, $1) }
      case "sse": LLVMFuzzerRunDriver(&count, &arguments) { Fuzz.run(fuzzEvents, $0, $1) }
      case "json": LLVMFuzzerRunDriver(&count, &arguments) { Fuzz.run(fuzzJSON, $0, $1) }
      case "redis": LLVMFuzzerRunDriver(&count, &arguments) { Fuzz.run(fuzzReplies, $0, $1) }
      default: fatalError("no such target: \(CommandLine.arguments[1])")
      }
  }

  private static func run(_ target: (RawSpan) -> Void, _ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    target(UnsafeRawBufferPointer(start: data, count: count).bytes)
    return 0
  }
}
