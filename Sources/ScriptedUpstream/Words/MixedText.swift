/// Text as it really comes: several languages, code, JSON, LaTeX and emoji, cut where a model's tokens might cut it.
///
/// A piece has 1 to 12 Unicode scalars; the cuts fall inside words and grapheme clusters, between the parts of an emoji
/// and of a flag, but never inside a scalar. The pieces are a function of their number: after the last one the next
/// round begins with its number, as `Voice` does it.
enum MixedText {
  /// The pieces of one round.
  static let pieces = cut(corpus, seed: 1)

  /// Piece `index` of an endless text.
  static func piece(_ index: Int) -> String {
    let (round, position) = index.quotientAndRemainder(dividingBy: pieces.count)
    return round > 0 && position == 0 ? "\n\n[\(round + 1)] \(pieces[0])" : pieces[position]
  }

  /// `text` in pieces of 1 to 12 scalars; which ones, `seed` decides.
  static func cut(_ text: String, seed: UInt64) -> [String] {
    var state = seed
    var pieces: [String] = []
    var rest = text.unicodeScalars[...]
    while !rest.isEmpty {
      // A step of Knuth's 64-bit linear congruential generator; its high bits are good enough here.
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let count = Int(state >> 33) % 12 + 1
      pieces.append(String(String.UnicodeScalarView(rest.prefix(count))))
      rest = rest.dropFirst(count)
    }
    return pieces
  }

  private static let corpus = #"""
    The gate opened before dawn, and nobody's lantern was lit: they'd agreed on that. "How much water?" she asked; he \#
    held up three fingers, then two. By 07:45 the wheel turned 12,5 times a minute, which isn't much, but it's enough.

    清晨的水闸慢慢打开,河水流进磨坊。老人说:“今年的雨比去年多了百分之二十三,所以我们要早一点开门。”孩子们数着水车的转数,\#
    一、二、三……直到太阳升起。𠮷野家的门口有一只猫。

    川の水は朝のうちに冷たく、水車はゆっくりと回り始めた。「もう少し開けてください」とガラス職人が言った。コンピューターの\#
    記録によると、水位は1.25メートル。がぎぐげご。

    Рано утром мельник открыл шлюз, и вода пошла по жёлобу. «Сколько ещё?» — спросила дочь. Он не ответил: считал обороты \#
    колеса, 17 в минуту, и смотрел, не поднимется ли уровень выше отметки.

    Die Schleusenwärterin öffnete früh am Morgen das Wehr; größere Mengen ließ sie nie auf einmal durch. \#
    Wasserstandsmeldungen, Mühlenbetriebsordnung, Überlaufschutz: für alles gab es ein Heft, und jedes kostete 3,50 €.

    ```swift
    func open(_ gate: inout Gate, by centimetres: Int) throws -> Flow {
        guard centimetres > 0, gate.level + centimetres <= 120 else { throw GateError.tooFar }
    \#tgate.level += centimetres  // 水位 in cm
        return Flow(litres: Double(gate.level) * 4.2e3)
    }
    ```

    {"gate":"north","level":47,"alarms":[null,true,-1.5e-3],"note":"line\nbreak \"quoted\" \\ slash / tab\t","unit":"m³/s"}

    The flow over a weir is $Q = \frac{2}{3}\,C_d\,b\,\sqrt{2g}\,h^{3/2}$, so that \begin{align} \int_0^h v\,\mathrm{d}z \#
    &\le \sum_{i=1}^{n} \alpha_i^2 \\ \nabla \cdot \vec{u} &= 0 \end{align}.

    Status 🌊🌊 ok, 👩‍🚀 and 👨‍👩‍👧‍👦 on deck 👍🏽, flags 🇫🇷🇯🇵🇧🇷🏴󠁧󠁢󠁷󠁬󠁳󠁿, hearts ❤️‍🔥❤️, keycap 7️⃣, maths 𝒬=𝒜·𝓋, Zalgo-free naïve café \#
    versus cafe\#u{301}, नमस्ते, 한국어 물레방아, مرحبا بالماء, שלום 🙂🙃🤖🦫🦦🐟💧💦⛲️🏞️🪵🪨🌉🎏🎐🧊🚰🛶.
    """#
}
