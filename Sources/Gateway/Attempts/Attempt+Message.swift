internal import ChatProtocol
internal import HTTPWire
internal import Transport

/// The request as the attempt's upstream gets it: the image's head and body, with what is the candidate's own spliced in.
///
/// `inout` throughout, also where nothing changes: what is passed by address is not copied, and a copy would count a dozen references up and down.
extension Attempt {
  /// A body up to this size is written behind the head, into one piece; a longer one goes from where it lies.
  static let onePieceBytesMax = 128 << 10

  /// Writes it into `output`, which is empty; gives back what does not stand there, of a long body.
  ///
  /// - Parameter key: which of the upstream's keys it goes with.
  mutating func write(
    _ image: inout RequestImage, id: inout RequestID, key: Int, endpoint: Int, into output: inout OutputBytes
  ) -> RequestMessage {
    guard let body = image.body else {
      writeHead(&image, &id, key, endpoint, bodyCount: 0, into: &output)
      return RequestMessage()
    }
    let edits = BodyEdits(&image, &self)
    let count = body.withBytes { edits.byteCount(of: $0) }
    writeHead(&image, &id, key, endpoint, bodyCount: count, into: &output)
    guard count <= Self.onePieceBytesMax else { return pieces(of: body, edits) }
    body.withBytes { bytes in
      output.append(expecting: count) { room in
        // With less room it is asked again.
        if room.count >= count { edits.write(bytes, into: UnsafeMutableRawBufferPointer(rebasing: room[..<count])) }
        return count
      }
    }
    return RequestMessage()
  }

  private func pieces(of body: RequestBody, _ edits: BodyEdits) -> RequestMessage {
    var message = RequestMessage()
    switch edits {
    case .none: message.append(0..<body.byteCount, of: body)
    case .splice(let range, let text):
      message.append(0..<range.lowerBound, of: body)
      message.append(text)
      message.append(range.upperBound..<body.byteCount, of: body)
    case .json(let edits):
      edits.forEachPiece(bodyByteCount: body.byteCount) { piece in
        switch piece {
        case .body(let range): message.append(range, of: body)
        case .text(let text): message.append(text)
        }
      }
    }
    return message
  }

  private mutating func writeHead(
    _ image: inout RequestImage, _ id: inout RequestID, _ key: Int, _ endpoint: Int, bodyCount: Int,
    into head: inout OutputBytes
  ) {
    head.append(image.method.name)
    head.append(byte: UInt8(ascii: " "))
    head.append(upstream.pathPrefixes[endpoint])
    if image.target.isEmpty { head.append(image.surface.usualTarget) } else { head.append(image.target) }
    head.append(upstream.headParts[endpoint])
    head.append(upstream.credentialLines[key])
    head.append(image.forwardedFields)
    head.append("x-request-id: ")
    id.append(to: &head)
    head.append("\r\n")
    if bodyCount > 0 || image.method == .post || image.method == .put || image.method == .patch {
      head.append("content-length: ")
      head.append(decimal: bodyCount)
      head.append("\r\n")
    }
    head.append("\r\n")
  }
}
