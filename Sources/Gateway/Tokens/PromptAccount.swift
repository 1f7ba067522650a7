internal import ChatProtocol
internal import Quotas
internal import Reactor
internal import TokenAccounting

/// Counting the prompt, where somebody needs its count: a limit that is near its end, or the record of a request whose upstream did not tell it.
///
/// Upstreams nearly always tell. So a long prompt's body is kept until its answer has ended, and counted then if nothing was told; the short ones of streams are
/// counted at once, which costs less than keeping them. Without room for the body it is counted while the answer runs.
struct PromptAccount {
  /// A body up to this size is counted at once if its answer is streamed; where only a whole answer follows its bytes tell its tokens, for counting them would
  /// cost a part of the request.
  static let bytesAtOnce = 4 << 10
  /// So many slices are done at once where the count is needed now; what is left is projected.
  private static let slicesAtOnceMax = 8
  /// A longer prompt of a request that has ended is projected after so many slices more.
  private static let slicesAfterEndMax = 256
  /// Bytes of a request for one token, text and frame.
  private static let bytesPerToken = 4

  private unowned(unsafe) let services: RequestServices
  /// The count of a long prompt, while it is under way.
  private(set) var count: PromptCount?
  /// What the prompt takes of the reactor's ``PromptMemory``.
  private var hold = PromptMemory.Hold()

  init(_ services: RequestServices) { self.services = services }

  /// Another candidate counts anew.
  mutating func begin(_ state: inout RequestState) {
    forgetCount()
    state.record.tokens.countedPrompt = nil
  }

  private mutating func forgetCount() {
    count?.isWanted = false
    count = nil
  }

  /// Bytes of the body that a count holds.
  var heldBytes: Int { count?.byteCount ?? 0 }

  // MARK: For limits

  /// The prompt's tokens as far as they can be told without waiting. A short stream's is counted, which is done anyway. A long one is taken for what the
  /// consumer's prompts have by their bytes while all limits have so much left that they would give for every byte; near the end of one it is counted, on and on while its upstream
  /// reads it.
  mutating func note(
    _ request: inout LimitRequest, _ state: inout RequestState, for owner: any PromptCountOwner
  ) {
    services.promptMemory.release(untold: &hold)
    let bytes = state.image.body?.byteCount ?? 0
    request.promptTokens = (bytes + Self.bytesPerToken - 1) / Self.bytesPerToken
    guard state.image.wantsStream || bytes > Self.bytesAtOnce else { return }
    if bytes > Self.bytesAtOnce,
      let guess = coveredPrompt(request, bytes, state.image.consumerName, state.attempt.tokens)
    {
      return request.promptTokens = guess
    }
    countNow(&state, for: owner)
    if let counted = state.record.tokens.countedPrompt ?? count?.projection { request.promptTokens = counted }
  }

  /// Counts a prompt that was guessed by its bytes: nobody is told by a guess that he never fits. False if it has been counted already, or cannot be.
  mutating func countGuessed(
    _ request: inout LimitRequest, _ state: inout RequestState, for owner: any PromptCountOwner
  ) -> Bool {
    guard state.record.tokens.countedPrompt == nil, count == nil else { return false }
    countNow(&state, for: owner)
    guard let counted = state.record.tokens.countedPrompt ?? count?.projection, counted < request.promptTokens else {
      return false
    }
    request.promptTokens = counted
    return true
  }

  /// What a long prompt is taken for without a count; nil where a limit is too near. What it may have beyond that counts against the next ones until it is
  /// known, so that even the dearest prompts together have no more than there was.
  private mutating func coveredPrompt(
    _ request: LimitRequest, _ bytes: Int, _ consumer: String, _ tokens: ModelTokens
  ) -> Int? {
    guard let desk = services.desk, let ratio = services.reconciler.promptRatio(tokens, consumer: consumer) else {
      return nil
    }
    let guess = ratio.tokens(ofBytes: bytes)
    let most = ratio.tokensMax(ofBytes: bytes)
    guard desk.covers(promptTokens: most + services.promptMemory.untold, of: request) else { return nil }
    services.promptMemory.take(untold: most - guess, &hold)
    return guess
  }

  /// A limit inside the answer must know the prompt now: what it was taken for is not good enough.
  mutating func countKept(
    _ state: inout RequestState, for owner: any PromptCountOwner
  ) {
    guard state.record.tokens.countedPrompt == nil, state.record.tokens.reported?.promptTokens == nil,
      let count = count ?? newCount(&state)
    else { return }
    note(count.counted(slicesMax: Self.slicesAtOnceMax), &state)
    services.promptMemory.release(untold: &hold)
    guard !count.isComplete else { return }
    self.count = count
    count.goOn(for: owner, on: services.reactor)
  }

  // MARK: While the request runs

  /// The request has been sent: the prompt of a short stream is counted, which limits may have asked for before.
  mutating func sent(
    _ state: inout RequestState, for owner: any PromptCountOwner
  ) {
    guard state.image.wantsStream, (state.image.body?.byteCount ?? 0) <= Self.bytesAtOnce, count == nil,
      state.record.tokens.countedPrompt == nil
    else { return }
    countNow(&state, for: owner)
  }

  /// Counts a prompt at once, or begins to.
  private mutating func countNow(
    _ state: inout RequestState, for owner: any PromptCountOwner
  ) {
    guard let body = state.image.body, var counter = newCounter(&state) else { return }
    forgetCount()
    if body.withBytes({ counter.advance(body: $0.bytes, bytesMax: PromptCount.sliceBytes) }) {
      return note(counter, &state)
    }
    let made = PromptCount(counter, body)
    count = made
    made.goOn(for: owner, on: services.reactor)
  }

  /// The answer has begun: whether the body stays because its prompt may have to be counted. If there is no room for it the prompt is counted from here on.
  mutating func keepsBody(
    _ state: inout RequestState, for owner: any PromptCountOwner
  ) -> Bool {
    guard state.image.surface.promptShape != nil, state.record.tokens.countedPrompt == nil, count == nil,
      state.attempt.tokens.measure != nil, let body = state.image.body
    else { return false }
    if body.byteCount <= RequestBody.keptBytesMax, services.promptMemory.keep(body.byteCount, &hold) { return true }
    guard state.image.wantsStream || body.byteCount <= RequestBody.keptBytesMax else { return false }
    count = newCount(&state)
    count?.goOn(for: owner, on: services.reactor)
    return false
  }

  // MARK: At the end

  /// The request has ended, and its record waits for the count of a long prompt; false if there is nothing to wait for.
  mutating func countsOn(
    _ state: inout RequestState, for owner: any PromptCountOwner
  ) -> Bool {
    guard let count = count ?? (state.record.tokens.countedPrompt == nil ? newCount(&state) : nil) else {
      return false
    }
    note(count.counted(slicesMax: Self.slicesAtOnceMax), &state)
    guard !count.isComplete else { return false }
    self.count = count
    count.goOn(for: owner, on: services.reactor, slicesMax: Self.slicesAfterEndMax)
    return true
  }

  /// Counts the prompt now, where nobody has told its tokens and the end of the answer must.
  mutating func countAtEnd(_ state: inout RequestState) {
    guard let count = count ?? (state.record.tokens.countedPrompt == nil ? newCount(&state) : nil) else { return }
    note(count.counted(slicesMax: Self.slicesAtOnceMax), &state)
    if !count.isComplete { self.count = count }
  }

  /// The request is over.
  mutating func close() {
    forgetCount()
    services.promptMemory.release(&hold)
  }

  /// What has been counted is known from here on.
  mutating func note(_ counter: PromptCounter, _ state: inout RequestState) {
    state.record.tokens.countedPrompt = counter.projection
    state.record.tokens.promptSource = counter.isComplete ? counter.source : .estimated
    if counter.isComplete { forgetCount() }
    state.attempt.grant?.recount(promptTokens: counter.projection)
  }

  private func newCount(_ state: inout RequestState) -> PromptCount? {
    guard let body = state.image.body, let counter = newCounter(&state) else { return nil }
    return PromptCount(counter, body)
  }

  private func newCounter(_ state: inout RequestState) -> PromptCounter? {
    guard let shape = state.image.surface.promptShape, case .json(let fields)? = state.image.body?.findings,
      let measure = services.reconciler.measure(state.attempt.tokens, consumer: state.image.consumerName)
    else { return nil }
    return PromptCounter(
      fields, shape, measure: measure, template: state.attempt.tokens.template, media: state.attempt.tokens.media)
  }
}
