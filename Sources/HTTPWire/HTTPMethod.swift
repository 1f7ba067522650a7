import CLinux

/// A request's method (RFC 9110 section 9, RFC 5789). Methods are case-sensitive: `get` is `other`.
public enum HTTPMethod: UInt8, Sendable, Equatable, CaseIterable {
  /// The methods with a meaning here.
  case get, head, post, put, delete, options, patch, trace, connect
  /// Any other token; the head's `methodName` says where it stands.
  case other

  /// The method as it stands on the wire; empty for `other`.
  public var name: StaticString {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .patch: "PATCH"
    case .trace: "TRACE"
    case .connect: "CONNECT"
    case .other: ""
    }
  }

  /// The method spelled by `count` bytes at `bytes`.
  init(_ bytes: UnsafeRawPointer, count: Int) {
    func isSpelled(_ method: HTTPMethod) -> Bool { memcmp(bytes, method.name.utf8Start, count) == 0 }
    let candidate: HTTPMethod
    switch (count, bytes.load(as: UInt8.self)) {
    case (3, UInt8(ascii: "G")): candidate = .get
    case (3, _): candidate = .put
    case (4, UInt8(ascii: "P")): candidate = .post
    case (4, _): candidate = .head
    case (5, UInt8(ascii: "P")): candidate = .patch
    case (5, _): candidate = .trace
    case (6, _): candidate = .delete
    case (7, UInt8(ascii: "O")): candidate = .options
    case (7, _): candidate = .connect
    default: candidate = .other
    }
    self = candidate != .other && isSpelled(candidate) ? candidate : .other
  }
}
