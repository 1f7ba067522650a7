/// Why a benchmark could not be run, or that an answer was wrong.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
