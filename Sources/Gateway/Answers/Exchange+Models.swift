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
    guard let route = snapshot.routes.resolve(name), snapshot.routes.mayUse(consumer, route),
      route.isListed || !isKey(name)
    else {
      return refuse(unknownModel(name))
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
