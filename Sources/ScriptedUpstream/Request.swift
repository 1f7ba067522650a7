/// What the connection knows of a request when it is complete.
struct Request {
  var isHead = false
  var isGet = false
  var method = ""
  var path = ""
  var isAuthorized = true
  /// Whether the client wants the connection closed afterwards.
  var closes = false
  var isHTTP10 = false
}
