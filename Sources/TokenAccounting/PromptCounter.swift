public import ChatProtocol
internal import Tokenization

/// Counts the tokens of a request's prompt, a bounded number of bytes at a time, so that a long prompt does not hold up other streams.
///
/// The count is the sum of the texts' counts, each by itself, and the template's constants; for a vocabulary that is known it is exact on
/// the text. However the work is cut into slices, the count is the same.
public struct PromptCounter: Sendable {
  /// The numbers around the texts.
  public let template: PromptTemplate
  /// Where the number comes from.
  public let source: TokenSource
  /// The tokens counted so far; once `advance` has said so, those of the whole prompt.
  public private(set) var total = 0
  /// Whether all has been counted.
  public private(set) var isComplete = false

  private var scanner: PromptScanner
  private var counter: TextCounter
  private let media: PromptMedia
  private let hasMessages: Bool
  private var document = PromptDocumentText()
  /// Whether a text has begun but not ended.
  private var isInText = false
  /// Of the total: thoughts since the last message of a user.
  private var reasoningSinceUser = 0

  /// Passing bytes is so much cheaper than counting them.
  private static let scanDiscount = 16
  /// A message with a member takes at least so many bytes: `{"":0},`.
  private static let messageBytesMin = 7

  /// A counter at the start of a prompt.
  public init(
    _ fields: RequestFields, _ shape: PromptShape, measure: TokenMeasure, template: PromptTemplate,
    media: PromptMedia = PromptMedia()
  ) {
    self.template = template
    self.media = media
    source = measure.source
    counter = TextCounter(measure)
    scanner = PromptScanner(fields, shape, tools: template.toolForm, hasSchema: template.hasSchema)
    bytesAtStart = scanner.remainingBytes
    switch shape {
    case .chat, .messages, .responses:
      hasMessages = true
      total = template.start
    case .completion, .embedding: hasMessages = false
    }
  }

  /// Bytes of the prompt when nothing was counted yet.
  private let bytesAtStart: Int

  /// Counts on.
  ///
  /// - Parameters:
  ///   - body: the bytes that `fields` were found in, unmoved since the first call.
  ///   - bytesMax: how many bytes of text at most (some more at an escape): 16 KiB take less than a millisecond in a known vocabulary.
  /// - Returns: whether all has been counted.
  public mutating func advance(body: RawSpan, bytesMax: Int) -> Bool {
    var left = max(1, bytesMax)
    while !isComplete {
      let before = scanner.remainingBytes
      guard let piece = scanner.next(in: body, bytesMax: min(left, PromptScanner.bytesUsual)) else {
        complete()
        break
      }
      if piece.kind != .pause { take(piece, in: body) }
      let passed = max(0, before &- scanner.remainingBytes)
      let told = piece.part.contents.count
      left &-= told &+ max(0, passed &- told) / Self.scanDiscount &+ 1
      if left <= 0 { break }
    }
    return isComplete
  }

  /// An upper bound of the whole prompt at any time: what has been counted, and a token for every byte that has not.
  ///
  /// Images, sounds and files count once they have been met, so they are not in it before. For an estimate it bounds what is usual.
  public var bound: Int {
    guard !isComplete else { return total }
    let perByte = max(1, (template.message &+ Self.messageBytesMin &- 1) / Self.messageBytesMin)
    let later = scanner.remainingBytes.multipliedReportingOverflow(by: perByte)
    let text = isInText ? counter.closed &+ counter.openBytes : 0
    return total &+ text &+ (later.overflow ? .max / 2 : later.partialValue) &+ (hasMessages ? template.reply : 0)
  }

  /// What the whole prompt will come to, judged by what has been counted of it; the count itself when it is complete.
  public var projection: Int {
    guard !isComplete else { return total }
    let counted = total &+ (isInText ? counter.provisional() : 0) &+ (hasMessages ? template.reply : 0)
    let later = scanner.remainingBytes
    let passed = bytesAtStart &- later
    guard passed > 0 else { return counted &+ later / 4 }
    return counted &+ Int(Double(later) * Double(counted) / Double(passed))
  }

  /// The count in one go: for texts that are short, and for tests.
  public static func count(
    _ fields: RequestFields, _ shape: PromptShape, in body: RawSpan, measure: TokenMeasure, template: PromptTemplate,
    media: PromptMedia = PromptMedia()
  ) -> Int {
    var counter = PromptCounter(fields, shape, measure: measure, template: template, media: media)
    while !counter.advance(body: body, bytesMax: .max / 2) {}
    return counter.total
  }

  private mutating func complete() {
    if hasMessages { total &+= template.reply }
    isComplete = true
  }

  // MARK: Pieces

  private mutating func take(_ piece: PromptPiece, in body: RawSpan) {
    guard !piece.isText else { return takeText(piece, in: body) }
    switch piece.kind {
    case .message: total &+= template.message
    case .role:
      total &+= template.tokens(of: piece.role)
      if piece.role == .user { dropReasoning() }
    case .prompt: total &+= template.start
    case .tokens: total &+= piece.count
    case .toolCall: total &+= template.toolCall
    case .image: total &+= media.image
    case .imageLow: total &+= media.imageLow
    case .audio: total &+= media.audio
    case .file: total &+= media.file
    case .tools: total &+= template.tools
    case .tool: total &+= template.toolDefinition
    case .properties: total &+= template.signatures?.properties ?? 0
    case .enumeration: total &+= template.signatures?.enumeration ?? 0
    default: break
    }
  }

  /// A user speaks again: what was thought before is not told any more.
  private mutating func dropReasoning() {
    guard template.reasoning == .keptSinceUser else { return }
    total &-= reasoningSinceUser
    reasoningSinceUser = 0
  }

  private mutating func takeText(_ piece: PromptPiece, in body: RawSpan) {
    guard isTold(piece.kind) else { return }
    if !isInText { begin(piece.kind) }
    if piece.isDocument {
      var document = document
      document.render(piece.part, in: body) { counter.append($0) }
      self.document = document
    } else {
      counter.append(piece.part, in: body)
    }
    isInText = !piece.isLast
    guard piece.isLast else { return }
    let count = counter.finish()
    total &+= count
    if piece.kind == .reasoning { reasoningSinceUser &+= count }
  }

  private func isTold(_ kind: PromptPiece.Kind) -> Bool {
    switch kind {
    case .reasoning: template.reasoning != .dropped
    case .name: template.name != nil
    default: true
    }
  }

  /// The constants of a text, and what stands before it inside the same line.
  private mutating func begin(_ kind: PromptPiece.Kind) {
    switch kind {
    case .name: total &+= template.name ?? 0
    case .property: total &+= template.signatures?.property ?? 0
    case .enumerationValue: total &+= template.signatures?.enumerationValue ?? 0
    case .signatureDescription, .propertyType, .propertyDescription:
      // The cookbook counts `name:description` and `name:type:description`. Words and signs are different pieces for the
      // pre-tokenisers, so each can be counted with the colon before it.
      let colon: [1 of UInt8] = [UInt8(ascii: ":")]
      counter.append(colon.span.bytes)
    case .argumentsDocument, .toolDocument, .schemaDocument: document = PromptDocumentText()
    default: break
    }
  }
}
