extension SeenSnapshot {
  /// The snapshot as `GET /_script/seen` tells it.
  var json: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append("{\"requestsTotal\":\(requestsTotal),\"requestsMalformed\":\(requestsMalformed)")
    bytes.append(",\"connectionsOpened\":\(connectionsOpened),\"connectionsClosed\":\(connectionsClosed)")
    bytes.append(",\"connectionsOpen\":\(connectionsOpen),\"answersCompleted\":\(answersCompleted)")
    bytes.append(",\"answersCut\":\(answersCut),\"tokensSent\":\(tokensSent),\"cancelsTotal\":\(cancelsTotal)")
    bytes.append(",\"cancels\":[")
    for (index, cancel) in cancels.enumerated() {
      if index > 0 { bytes.append(",") }
      bytes.append("{\"target\":")
      bytes.appendQuoted(cancel.target)
      bytes.append(",\"model\":")
      bytes.appendQuoted(cancel.model)
      bytes.append(",\"closedAtNanoseconds\":\(cancel.closedAtNanoseconds)")
      bytes.append(",\"lastSentAtNanoseconds\":\(cancel.lastSentAtNanoseconds),\"tokensSent\":\(cancel.tokensSent)}")
    }
    bytes.append("],\"requests\":[")
    for (index, request) in requests.enumerated() {
      if index > 0 { bytes.append(",") }
      request.append(to: &bytes)
    }
    bytes.append("]}")
    return bytes
  }
}

extension SeenRequest {
  fileprivate func append(to bytes: inout [UInt8]) {
    bytes.append("{\"method\":")
    bytes.appendQuoted(method)
    bytes.append(",\"target\":")
    bytes.appendQuoted(target)
    bytes.append(",\"connection\":\(connection),\"atNanoseconds\":\(atNanoseconds)")
    bytes.append(",\"bodyBytes\":\(bodyByteCount),\"body\":")
    bytes.appendQuoted(bodyText)
    bytes.append(",\"headers\":[")
    for (index, header) in headers.enumerated() {
      if index > 0 { bytes.append(",") }
      bytes.append("[")
      bytes.appendQuoted(header.name)
      bytes.append(",")
      bytes.appendQuoted(header.value)
      bytes.append("]")
    }
    bytes.append("]}")
  }
}
