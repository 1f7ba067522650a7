/// What the connection knows of a request when it is complete.
struct Request {
  let isHead: Bool
  let isGet: Bool
  let method: String
  let path: String
  let isAuthorized: Bool
  /// Whether the client wants the connection closed afterwards.
  let closes: Bool
  let isHTTP10: Bool
}
