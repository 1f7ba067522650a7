/// What is wrong with the bytes a peer sent, or with what we were asked to write.
///
/// Whoever gets one closes the connection: after a framing defect nobody knows where the next message begins.
public struct HTTPWireError: Error, Equatable, Sendable {
  /// The defect, one case for each rule.
  public enum Kind: Sendable, Equatable, CaseIterable {
    // The start line.
    case badMethod, badTarget, badRequestLine, badStatusLine, unsupportedVersion, startLineTooLong
    // Lines in general.
    case bareLineFeed, bareCarriageReturn, headTooLarge
    // Field lines.
    case tooManyFields, emptyFieldName, badFieldName, fieldNameTooLong, spaceBeforeColon, obsoleteLineFolding
    case badFieldValue
    // What the fields say together.
    case missingHost, duplicateHost, badHost, hostDiffersFromTarget
    case badContentLength, duplicateContentLength
    case badTransferEncoding, duplicateTransferEncoding, unsupportedTransferCoding, transferEncodingInHTTP10
    case lengthAndTransferEncoding, badConnection, unsupportedExpectation, switchingProtocols
    // Chunked bodies.
    case badChunkSize, chunkTooLarge, badChunkExtension, chunkExtensionsTooLarge, missingChunkEnd
    case badTrailer, trailersTooLarge
    // Our own side.
    case unwritableField
  }

  /// The defect.
  public let kind: Kind

  /// The status to answer with: 4xx or 5xx for a request's defect, 502 for an upstream's, 500 for our own.
  public let status: Int

  /// A request's defect; its status follows from the kind.
  public init(_ kind: Kind) {
    self.kind = kind
    self.status = kind.requestStatus
  }

  private init(kind: Kind, status: Int) {
    self.kind = kind
    self.status = status
  }

  /// The same defect found in an upstream's answer: the client is told 502, whatever the defect.
  public var inResponse: HTTPWireError { HTTPWireError(kind: kind, status: 502) }

  /// One sentence that is safe to show to the peer: it never repeats what the peer sent.
  public var message: StaticString { kind.message }
}

extension HTTPWireError.Kind {
  /// What a client that sent this is answered (RFC 9110 section 15.5 and 15.6, RFC 6585 section 5).
  var requestStatus: Int {
    switch self {
    case .startLineTooLong: 414
    case .headTooLarge, .tooManyFields, .fieldNameTooLong, .trailersTooLarge: 431
    case .chunkTooLarge: 413
    case .unsupportedExpectation: 417
    case .unsupportedTransferCoding: 501
    case .unsupportedVersion: 505
    case .unwritableField: 500
    default: 400
    }
  }

  var message: StaticString {
    switch self {
    case .badMethod: "The request does not begin with an HTTP method."
    case .badTarget: "The request target is not an absolute path or an http URL of visible ASCII characters."
    case .badRequestLine: "The request line is not 'method SP target SP HTTP-version CRLF'."
    case .badStatusLine: "The status line is not 'HTTP-version SP three digits SP reason CRLF'."
    case .unsupportedVersion: "Only HTTP/1.1 and HTTP/1.0 are spoken here."
    case .startLineTooLong: "The first line is too long."
    case .bareLineFeed: "A line ends with LF alone; CRLF was expected."
    case .bareCarriageReturn: "A CR stands without its LF."
    case .headTooLarge: "The header section is too large."
    case .tooManyFields: "There are too many header fields."
    case .emptyFieldName: "A header field has no name."
    case .badFieldName: "A header field name contains a character that is not allowed in a name."
    case .fieldNameTooLong: "A header field name is too long."
    case .spaceBeforeColon: "There is white space between a header field name and its colon."
    case .obsoleteLineFolding: "A header line begins with white space; folded lines are not accepted."
    case .badFieldValue: "A header field value contains a control character."
    case .missingHost: "The Host header field is missing."
    case .duplicateHost: "There is more than one Host header field."
    case .badHost: "The Host header field is not 'host' or 'host:port'."
    case .hostDiffersFromTarget: "The Host header field differs from the host in the request target."
    case .badContentLength: "Content-Length is not one plain decimal number."
    case .duplicateContentLength: "There is more than one Content-Length header field."
    case .badTransferEncoding: "Transfer-Encoding is malformed; 'chunked' was expected."
    case .duplicateTransferEncoding: "There is more than one Transfer-Encoding header field."
    case .unsupportedTransferCoding: "The only transfer coding understood here is 'chunked'."
    case .transferEncodingInHTTP10: "Transfer-Encoding does not exist in HTTP/1.0."
    case .lengthAndTransferEncoding: "Content-Length and Transfer-Encoding exclude each other."
    case .badConnection: "The Connection header field is not a list of names."
    case .unsupportedExpectation: "The only expectation understood here is '100-continue'."
    case .switchingProtocols: "The upstream switched protocols although nobody asked it to."
    case .badChunkSize: "A chunk does not begin with its size in hexadecimal digits."
    case .chunkTooLarge: "A chunk is too large."
    case .badChunkExtension: "A chunk extension contains a character that is not allowed."
    case .chunkExtensionsTooLarge: "The chunk extensions are too large."
    case .missingChunkEnd: "A chunk is not followed by CRLF."
    case .badTrailer: "A trailer field is malformed."
    case .trailersTooLarge: "The trailer section is too large."
    case .unwritableField: "A header field to be sent contains a character that may not stand in a header."
    }
  }
}
