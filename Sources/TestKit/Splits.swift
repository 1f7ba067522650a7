/// Hands `body` every cut of `bytes` into two pieces, the empty first and last piece included.
public func everySplit(
  of bytes: [UInt8], _ body: (_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) throws -> Void
) rethrows {
  for cut in 0...bytes.count { try body(bytes[..<cut], bytes[cut...]) }
}

/// Hands `body` every cut of `bytes` into three pieces: quadratic, so for samples of some hundred bytes.
public func everyDoubleSplit(of bytes: [UInt8], _ body: ([ArraySlice<UInt8>]) throws -> Void) rethrows {
  for first in 0...bytes.count {
    for second in first...bytes.count { try body([bytes[..<first], bytes[first..<second], bytes[second...]]) }
  }
}

/// `bytes` in pieces of `size` (at least 1), the last as long as is left.
public func pieces(of bytes: [UInt8], size: Int) -> [ArraySlice<UInt8>] {
  let size = max(1, size)
  return stride(from: 0, to: bytes.count, by: size).map { bytes[$0..<min($0 + size, bytes.count)] }
}

/// `bytes` in pieces of random lengths from 1 to `sizeMax`.
public func randomPieces(of bytes: [UInt8], sizeMax: Int, _ generator: inout SeededGenerator) -> [ArraySlice<UInt8>] {
  var pieces: [ArraySlice<UInt8>] = []
  var at = 0
  while at < bytes.count {
    let end = min(bytes.count, at + generator.int(in: 1...max(1, sizeMax)))
    pieces.append(bytes[at..<end])
    at = end
  }
  return pieces
}
