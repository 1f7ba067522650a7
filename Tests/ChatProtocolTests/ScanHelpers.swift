import ChatProtocol

/// What the scanner says of a document: nil when it is accepted.
func refusal(_ bytes: [UInt8], depthMax: Int = 512) -> JSONScanError? {
  do throws(JSONScanError) {
    _ = try RequestScanner.scan(bytes.span.bytes, limits: JSONLimits(depthMax: depthMax))
    return nil
  } catch {
    return error
  }
}

func refusal(_ text: String, depthMax: Int = 512) -> JSONScanError? { refusal(Array(text.utf8), depthMax: depthMax) }

func chunk(_ bytes: [UInt8]) -> ChunkFields { ChunkScanner.scan(bytes.span.bytes, limits: JSONLimits()) }

func chunk(_ text: String) -> ChunkFields { chunk(Array(text.utf8)) }

func string(_ string: JSONStringRange?, in bytes: [UInt8]) -> String? { string?.text(in: bytes.span.bytes) }

func string(_ range: JSONStringRange?, in text: String) -> String? { string(range, in: Array(text.utf8)) }

func slice(_ text: String, _ range: Range<Int>?) -> String? {
  range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
}

/// The set of these choices.
func choices(_ indices: Int...) -> ChoiceSet {
  var set = ChoiceSet()
  for index in indices { set.insert(index) }
  return set
}
