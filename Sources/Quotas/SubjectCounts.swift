/// How many subjects each limit has, by its name, for strangers choose some of them.
struct SubjectCounts: Sendable {
  private var numbers: [String: Int16] = [:]
  private var counts: [Int] = []
  /// Subjects that made room for others.
  var dropped = 0

  /// The limit's number.
  mutating func number(of limit: String) -> Int16 {
    if let known = numbers[limit] { return known }
    // More limits than a configuration can have in many reloads: the last ones share a count.
    let number = Int16(clamping: counts.count)
    numbers[limit] = number
    if counts.count <= Int(number) { counts.append(0) }
    return number
  }

  subscript(number: Int16) -> Int {
    get { counts.indices.contains(Int(number)) ? counts[Int(number)] : 0 }
    set { if counts.indices.contains(Int(number)) { counts[Int(number)] = newValue } }
  }
}
