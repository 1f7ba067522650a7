/// Heads on the wire. What goes into them is checked here, at the only door: a name or value that could end its line, or
/// the head, cannot be written, wherever it came from.
extension OutputBytes {
  /// Appends `HTTP/1.x status reason CRLF` with the registered reason, or none for a status without one.
  ///
  /// - Throws: `unwritableField` when the status has not three digits.
  public mutating func appendStatusLine(_ status: Int, versionMinor: UInt8 = 1) throws(HTTPWireError) {
    guard (100...999).contains(status) else { throw HTTPWireError(.unwritableField) }
    append(versionMinor == 0 ? "HTTP/1.0 " : "HTTP/1.1 ")
    append(decimal: status)
    append(byte: ByteClass.space)
    append(ReasonPhrase.of(status))
    append("\r\n")
  }

  /// Appends `method SP target SP HTTP/1.1 CRLF`.
  ///
  /// - Throws: `unwritableField` when the target is empty or has other bytes than visible ASCII, or the method is
  ///   `other`.
  public mutating func appendRequestLine(_ method: HTTPMethod, target: RawSpan) throws(HTTPWireError) {
    let isClean = target.withUnsafeBytes { bytes in
      for byte in bytes where byte &- 0x21 >= 0x5E { return false }
      return !bytes.isEmpty
    }
    guard isClean, method != .other else { throw HTTPWireError(.unwritableField) }
    append(method.name)
    append(byte: ByteClass.space)
    append(target)
    append(" HTTP/1.1\r\n")
  }

  /// Appends a field whose parts are constants of ours.
  public mutating func appendField(_ name: StaticString, _ value: StaticString) throws(HTTPWireError) {
    let value = UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount)
    try appendField(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value)
  }

  /// Appends a field with a value from elsewhere.
  ///
  /// - Throws: `unwritableField` when the value has a control character other than tab; nothing is appended then.
  public mutating func appendField(_ name: StaticString, value: RawSpan) throws(HTTPWireError) {
    try value.withUnsafeBytes { value throws(HTTPWireError) in
      try appendField(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value)
    }
  }

  /// Appends a field with a value from elsewhere; throws as above.
  public mutating func appendField(_ name: StaticString, value: [UInt8]) throws(HTTPWireError) {
    try appendField(name, value: value.span.bytes)
  }

  /// Appends a field with a number.
  public mutating func appendField(_ name: StaticString, decimal value: Int) throws(HTTPWireError) {
    try appendField(name, "")
    truncate(to: count &- 2)
    append(decimal: value)
    append("\r\n")
  }

  /// Appends a field whose name, too, comes from elsewhere, as when a peer's field is passed on.
  ///
  /// - Throws: `unwritableField` when the name is not a token or the value has a control character other than tab;
  ///   nothing is appended then.
  public mutating func appendField(name: RawSpan, value: RawSpan) throws(HTTPWireError) {
    try name.withUnsafeBytes { name throws(HTTPWireError) in
      try value.withUnsafeBytes { value throws(HTTPWireError) in try appendField(name, value) }
    }
  }

  /// Appends the empty line after the fields.
  public mutating func endHead() { append("\r\n") }

  private mutating func appendField(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
  ) throws(HTTPWireError) {
    guard !name.isEmpty, ByteClass.endOfToken(name, from: 0, to: name.count) == name.count,
      ByteClass.endOfText(value, from: 0, to: value.count) == value.count
    else {
      throw HTTPWireError(.unwritableField)
    }
    append(fieldLine: name, value)
  }
}
