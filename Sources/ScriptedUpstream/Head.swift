/// Writes response heads.
struct Head {
  var status = 200
  var contentType = "application/json"
  var length: Int?
  var isChunked = false
  var closes = false
  var isHTTP10 = false
  var extra: [Script.Header] = []
  var retryAfter: String?
  var interim: Int?

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    switch interim {
    case 103?: bytes.append("HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n")
    case 102?: bytes.append("HTTP/1.1 102 Processing\r\n\r\n")
    case 100?: bytes.append("HTTP/1.1 100 Continue\r\n\r\n")
    default: break
    }
    bytes.append("HTTP/1.1 \(status) \(Self.reason(status))\r\nserver: scripted\r\ncontent-type: \(contentType)\r\n")
    if contentType.hasPrefix("text/event-stream") { bytes.append("cache-control: no-cache\r\n") }
    if isChunked { bytes.append("transfer-encoding: chunked\r\n") }
    if let length { bytes.append("content-length: \(length)\r\n") }
    if let retryAfter { bytes.append("retry-after: \(retryAfter)\r\n") }
    for field in extra { bytes.append("\(field.name): \(field.value)\r\n") }
    if closes {
      bytes.append("connection: close\r\n")
    } else if isHTTP10 {
      bytes.append("connection: keep-alive\r\n")
    }
    bytes.append("\r\n")
    return bytes
  }

  private static func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 402: "Payment Required"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 408: "Request Timeout"
    case 413: "Content Too Large"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 500: "Internal Server Error"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    default: "Scripted"
    }
  }
}
