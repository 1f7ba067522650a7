internal import HTTPWire
internal import Quotas

/// What the heads of a request's answers have in common.
struct HeadContext {
  unowned(unsafe) let services: RequestServices
  let isHTTP10: Bool
  let method: HTTPMethod
  let surface: Surface
  /// How the request's limits stand, whether they admitted it or not.
  let limits: LimitViews?
  let attempts: Int
}
