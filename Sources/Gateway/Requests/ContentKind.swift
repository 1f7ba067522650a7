internal import ChatProtocol
internal import HTTPWire

/// What a request says its body is.
enum ContentKind: Equatable {
  /// Nothing.
  case none
  /// `application/json`, in UTF-8.
  case json
  /// A form with this boundary.
  case form([UInt8])
  /// Anything else, a form without a legal boundary included.
  case other

  /// Judges a `content-type`.
  init(_ value: RawSpan) {
    if Self.isJSON(value) {
      self = .json
    } else if let boundary = MultipartScanner.boundary(fromContentType: value) {
      self = .form(boundary)
    } else {
      self = .other
    }
  }

  private static func isJSON(_ value: RawSpan) -> Bool {
    value.withUnsafeBytes { bytes in
      if bytes.equals("application/json") { return true }
      return jsonTypes.contains { spelling in
        bytes.count == spelling.utf8CodeUnitCount
          && (0..<bytes.count).allSatisfy { bytes[$0] | 0x20 == spelling.utf8Start[$0] | 0x20 }
      }
    }
  }

  /// The usual spellings. What is written otherwise may mean another encoding, in which the same bytes say something else.
  private static let jsonTypes: [StaticString] = [
    "application/json", "application/json; charset=utf-8", "application/json;charset=utf-8",
  ]
}
