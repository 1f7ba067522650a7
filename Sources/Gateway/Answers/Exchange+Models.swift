internal import ChatProtocol
internal import GatewayConfiguration
internal import Routing

/// `/v1/models`: what the caller may use.
extension Exchange {
  /// Lists the models of the caller.
  func answerModels() -> Int? {
    var body = Array(#"{"object":"list","data":["#.utf8)
    for (index, model) in snapshot.routes.visibleModels(to: consumer).enumerated() {
      if index > 0 { body.append(UInt8(ascii: ",")) }
      append(model, to: &body)
    }
    body += Array("]}".utf8)
    answerLocally(status: 200, contentType: "application/json", body: body, outcome: .completed)
    return nil
  }

  /// Tells of one model, or that there is none of that name for the caller.
  func answerModel(_ path: RawSpan) -> Int? {
    let name = PercentEncoding.decode(path)
    guard let route = snapshot.routes.resolve(name), snapshot.routes.mayUse(consumer, route) else {
      return refuse(.unknownModel(name, nearest: snapshot.routes.nearestNames(to: name, for: consumer)))
    }
    var body: [UInt8] = []
    append(snapshot.routes.listing(of: route), to: &body)
    answerLocally(status: 200, contentType: "application/json", body: body, outcome: .completed)
    return nil
  }

  private func append(_ model: ModelListing, to body: inout [UInt8]) {
    body += Array(#"{"id":"#.utf8)
    JSONText.append(quoted: model.id, to: &body)
    body += Array(#","object":"model","created":\#(worker.startedAtUnixSeconds),"owned_by":"#.utf8)
    JSONText.append(quoted: model.ownedBy, to: &body)
    body.append(UInt8(ascii: "}"))
  }
}

/// Percent escapes in a path (RFC 3986 section 2.1).
enum PercentEncoding {
  /// Decodes; a broken escape stands for itself.
  static func decode(_ path: RawSpan) -> String {
    let bytes = path.withUnsafeBytes { [UInt8]($0) }
    var decoded: [UInt8] = []
    var position = 0
    while position < bytes.count {
      if bytes[position] == UInt8(ascii: "%"), position + 2 < bytes.count,
        let high = hexValue(bytes[position + 1]), let low = hexValue(bytes[position + 2])
      {
        decoded.append(high << 4 | low)
        position += 3
      } else {
        decoded.append(bytes[position])
        position += 1
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  private static func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
