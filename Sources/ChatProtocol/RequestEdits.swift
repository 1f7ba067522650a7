import CLinux

/// The name under which a body without a bound on its answer gets one.
public enum TokenBound: Sendable {
  /// `max_tokens`: what most upstreams know.
  case maxTokens
  /// `max_completion_tokens`: the only one that OpenAI's reasoning models take.
  case maxCompletionTokens
  /// `max_output_tokens`: `/v1/responses`.
  case maxOutputTokens

  fileprivate var member: StaticString {
    switch self {
    case .maxTokens: #""max_tokens":"#
    case .maxCompletionTokens: #""max_completion_tokens":"#
    case .maxOutputTokens: #""max_output_tokens":"#
    }
  }
}

/// What is to change in a request body before it goes upstream: a few splices, everything else byte for byte.
///
/// Decide first (`replaceModel`, `requireUsage`, `setMaxTokens`), then write once. No edit is a reason to copy the body:
/// when `isEmpty`, send it as it came.
public struct RequestEdits: Sendable {
  private let fields: RequestFields
  private var model: [UInt8]?
  private var requiresUsage = false
  private var maxTokens: Int?
  private var addedTokenBound = TokenBound.maxTokens

  /// No edits yet, of the body that `fields` were found in.
  public init(_ fields: RequestFields) {
    self.fields = fields
  }

  /// Whether the body stays as it is.
  public var isEmpty: Bool { splices.count == 0 }

  /// Gives the model another name. Without a `model` member nothing changes.
  ///
  /// - Parameter quoted: the whole JSON string, escaped and with its quotes, as `JSONText.quoted(_:)` makes it. Make it
  ///   once per configured model, not per request.
  public mutating func replaceModel(with quoted: [UInt8]) {
    model = quoted
  }

  /// Makes sure that the upstream is asked for usage: `stream_options.include_usage` becomes `true`, whether it was
  /// `false`, `null`, absent, or its object absent, `null` or empty. For streams only: upstreams refuse the option in
  /// other requests.
  public mutating func requireUsage() {
    requiresUsage = true
  }

  /// Bounds the answer's tokens. Replaces whichever bounds the body has, all of them. A `null` is no bound: without another the body gets `bound`, in place of
  /// the `null` of its name if it has one, for no name may stand there twice.
  public mutating func setMaxTokens(_ value: Int, adding bound: TokenBound = .maxTokens) {
    maxTokens = value
    addedTokenBound = bound
  }

  /// The length of the edited body.
  public func editedByteCount(bodyByteCount: Int) -> Int { editedByteCount(bodyByteCount, splices) }

  private func editedByteCount(_ bodyByteCount: Int, _ splices: SpliceList) -> Int {
    var count = bodyByteCount
    for index in 0..<splices.count { count += text(splices.items[index]).count - splices.items[index].range.count }
    return count
  }

  /// Writes the edited body and tells its length.
  ///
  /// - Parameters:
  ///   - body: the bytes the fields were found in, unmoved.
  ///   - target: room for `editedByteCount(bodyByteCount:)` bytes, apart from the body. With less, nothing is written
  ///     and 0 comes back.
  public func write(body: RawSpan, into target: UnsafeMutableRawBufferPointer) -> Int {
    let splices = splices
    let count = editedByteCount(body.byteCount, splices)
    guard let first = target.baseAddress, count <= target.count, splices.end <= body.byteCount else { return 0 }
    body.withUnsafeBytes { source in
      var read = 0
      var next = first
      for index in 0..<splices.count {
        let splice = splices.items[index]
        next = copy(source, read..<splice.range.lowerBound, to: next)
        let text = text(splice)
        text.write(to: next)
        next += text.count
        read = splice.range.upperBound
      }
      _ = copy(source, read..<source.count, to: next)
    }
    return count
  }

  /// A part of an edited body.
  public enum EditedPiece: Equatable, Sendable {
    /// Bytes of the body as it was.
    case body(Range<Int>)
    /// What is spliced in.
    case text([UInt8])
  }

  /// The edited body in parts, for a body that is too long to be copied.
  public func forEachPiece(bodyByteCount: Int, _ take: (EditedPiece) -> Void) {
    let splices = splices
    var read = 0
    for index in 0..<splices.count where splices.items[index].range.upperBound <= bodyByteCount {
      let splice = splices.items[index]
      if splice.range.lowerBound > read { take(.body(read..<splice.range.lowerBound)) }
      let text = text(splice)
      take(
        .text(
          [UInt8](unsafeUninitializedCapacity: text.count) { buffer, count in
            if let base = buffer.baseAddress { text.write(to: UnsafeMutableRawPointer(base)) }
            count = text.count
          }))
      read = splice.range.upperBound
    }
    if read < bodyByteCount { take(.body(read..<bodyByteCount)) }
  }

  /// The edited body as an array, for where a copy does not matter.
  public func edited(_ body: RawSpan) -> [UInt8] {
    // Not negative: the fields may have been found in another, longer body.
    let count = max(editedByteCount(bodyByteCount: body.byteCount), 0)
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
      written = write(body: body, into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  // MARK: - Splices in the body's order

  private enum Piece {
    case model
    case usageMember, usageObject, usageFlag, usageTrue
    case maxTokensMember, maxTokens
  }

  private struct Splice {
    var range = 0..<0
    var piece = Piece.model
    var hasComma = false
  }

  private struct SpliceList {
    /// At most: two inserted members or one inserted and one replaced, the model, three token bounds.
    var items = InlineArray<8, Splice>(repeating: Splice())
    var count = 0

    /// Where the last splice ends.
    var end: Int { count > 0 ? items[count - 1].range.upperBound : 0 }

    /// Keeps the order of the body; splices at one place keep the order in which they came.
    mutating func insert(_ splice: Splice) {
      var place = count
      while place > 0, items[place - 1].range.lowerBound > splice.range.lowerBound {
        items[place] = items[place - 1]
        place -= 1
      }
      items[place] = splice
      count += 1
    }
  }

  private var splices: SpliceList {
    var list = SpliceList()
    let front = fields.insertionOffset..<fields.insertionOffset
    let hasTokenBound =
      fields.maxTokens != nil || fields.maxCompletionTokens != nil || fields.maxOutputTokens != nil
    let null = hasTokenBound ? nil : nullOfAddedBound
    let insertsMaxTokens = maxTokens != nil && !hasTokenBound && null == nil
    if requiresUsage { insertUsage(&list, front, hasMemberAfter: insertsMaxTokens || !fields.isEmptyObject) }
    if insertsMaxTokens {
      list.insert(Splice(range: front, piece: .maxTokensMember, hasComma: !fields.isEmptyObject))
    }
    if maxTokens != nil {
      if let bound = fields.maxTokens { list.insert(Splice(range: bound.range, piece: .maxTokens)) }
      if let bound = fields.maxCompletionTokens { list.insert(Splice(range: bound.range, piece: .maxTokens)) }
      if let bound = fields.maxOutputTokens { list.insert(Splice(range: bound.range, piece: .maxTokens)) }
      if let null { list.insert(Splice(range: null, piece: .maxTokens)) }
    }
    if model != nil, let old = fields.model { list.insert(Splice(range: old.range, piece: .model)) }
    return list
  }

  /// Where the bound that would be added stands as `null`.
  private var nullOfAddedBound: Range<Int>? {
    switch addedTokenBound {
    case .maxTokens: fields.nullMaxTokens
    case .maxCompletionTokens: fields.nullMaxCompletionTokens
    case .maxOutputTokens: fields.nullMaxOutputTokens
    }
  }

  private func insertUsage(_ list: inout SpliceList, _ front: Range<Int>, hasMemberAfter: Bool) {
    if let value = fields.includeUsageRange {
      if fields.includeUsage != true { list.insert(Splice(range: value, piece: .usageTrue)) }
    } else if let options = fields.streamOptions {
      if fields.streamOptionsIsNull {
        list.insert(Splice(range: options, piece: .usageObject))
      } else {
        let inside = options.lowerBound + 1
        list.insert(Splice(range: inside..<inside, piece: .usageFlag, hasComma: !fields.streamOptionsIsEmpty))
      }
    } else {
      list.insert(Splice(range: front, piece: .usageMember, hasComma: hasMemberAfter))
    }
  }

  private func text(_ splice: Splice) -> SpliceText {
    switch splice.piece {
    case .model: SpliceText(array: model ?? [])
    case .usageMember: SpliceText(#""stream_options":{"include_usage":true}"#, hasComma: splice.hasComma)
    case .usageObject: SpliceText(#"{"include_usage":true}"#)
    case .usageFlag: SpliceText(#""include_usage":true"#, hasComma: splice.hasComma)
    case .usageTrue: SpliceText("true")
    case .maxTokensMember: SpliceText(addedTokenBound.member, number: maxTokens, hasComma: splice.hasComma)
    case .maxTokens: SpliceText("", number: maxTokens)
    }
  }

  private func copy(
    _ source: UnsafeRawBufferPointer, _ range: Range<Int>, to target: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    if let base = source.baseAddress { memcpy(target, base + range.lowerBound, range.count) }
    return target + range.count
  }
}
