extension FieldName {
  /// Whether the field speaks of this connection only and is never passed on (RFC 9110 section 7.6.1). Fields that a
  /// Connection field names are to be dropped as well; who passes on by an allow-list has done so already.
  public var isHopByHop: Bool {
    switch self {
    case .connection, .keepAlive, .te, .trailer, .transferEncoding, .upgrade, .proxyConnection, .proxyAuthenticate,
      .proxyAuthorization:
      true
    default: false
    }
  }
}
