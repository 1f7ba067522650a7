/// What a model says: a paragraph that reads well, and goes on for as long as it is asked to.
///
/// Token i is word i of the paragraph; after its last word the next round begins with its number, `[2]`. So the text
/// is a function of (model, token) and a lost, doubled or swapped token shows.
struct Voice: Sendable {
  /// The answer, a token a word.
  let words: [String]
  /// The reasoning, a token a word.
  let thoughts: [String]
  /// How many reasoning tokens the model has unless it is told otherwise.
  let reasoningDefault: Int

  private init(_ paragraph: String, thoughts: String, reasons: Bool) {
    words = paragraph.split(separator: " ").map(String.init)
    self.thoughts = thoughts.split(separator: " ").map(String.init)
    reasoningDefault = reasons ? self.thoughts.count : 0
  }

  /// The voice of `model`; any name has one.
  static func of(model: String) -> Voice {
    let name = model.lowercased()
    if name.contains("deepseek") { return name.contains("r1") || name.contains("reason") ? reasoner : chat }
    if name.contains("qwq") { return qwq }
    return general
  }

  func content(_ token: Int) -> String { Self.token(token, words) }
  func reasoning(_ token: Int) -> String { Self.token(token, thoughts) }
  func refusal(_ token: Int) -> String { Self.token(token, Self.apology) }

  private static func token(_ token: Int, _ words: [String]) -> String {
    let (round, word) = token.quotientAndRemainder(dividingBy: words.count)
    if word > 0 { return " " + words[word] }
    return round == 0 ? words[0] : "\n\n[\(round + 1)] \(words[0])"
  }

  private static let apology = """
    I am sorry, but this gate stays closed: what is asked for would flood the village. Ask me for anything else that \
    water can do.
    """.split(separator: " ").map(String.init)
  private static let river = """
    A sluice is a small gate with a large task. It stands where the river meets the mill, opens as far as the wheel \
    can bear, and closes before the garden floods. The water hardly notices: it arrives a little calmer than it was, \
    and when one channel runs dry the gate turns to another, so that the wheel never stops. Whoever eats the bread \
    need not know which stream ground the flour.
    """
  private static let riverThoughts = """
    The user would like to see an answer arrive word by word. Something short and pleasant, then: a gate, a river, \
    a mill. I should say what a sluice does before I say why anyone would want one.
    """
  private static let rain = """
    In the night it rained on the hills, and by morning every brook had a voice. The miller listened, counted the \
    steps of the wheel, and let through what the stones could use. The rest he kept for August. That is all there is \
    to the craft: to know how much is coming, how much is wanted, and to keep your hand on the gate.
    """
  private static let rainThoughts = """
    Let me think. The question is short, so the answer may be short as well. Hmm, rain would make a good beginning, \
    for all that flows begins with rain. Wait, a miller should be in it too.
    """
  private static let paragraph = """
    Hello! Every word of this answer travels as an event of its own, the way a language model speaks: first a head \
    that promises a stream, then one small message after another, and at last a word that says it is done. If you can \
    read this sentence to its end, nothing was lost on the way.
    """

  private static let reasoner = Voice(river, thoughts: riverThoughts, reasons: true)
  private static let chat = Voice(river, thoughts: riverThoughts, reasons: false)
  private static let qwq = Voice(rain, thoughts: rainThoughts, reasons: true)
  private static let general = Voice(paragraph, thoughts: riverThoughts, reasons: false)
}
