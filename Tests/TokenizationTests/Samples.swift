/// Texts with what the pre-tokenisers distinguish.
enum Samples {
  static let texts: [String] = [
    "", "a", " ", "\n", "  ", " \n ", "\n\n  x", "x \n\n  y  ", "Hello, world!",
    "don't DON'T we'Ll I'm 'tis 'S 'ſ xſ'ſ '",
    "'l 'lo 'll 'v 've 'vx 'r 're 'd", "word'r", "word'l", "WORD's", "HTTPServer XMLHttpRequest aB Ab ABc ABcD ǅ ǅa aǅ",
    "中文ABC 中文ABCdef中Ab", "e\u{301}x E\u{301}X \u{301}ABC \u{301}\u{301} \u{301}abc !\u{301}A",
    "1 12 123 1234 12345 ٣٤٥٦ ½ Ⅷ〇 1a a1 1中",
    "!!! ... ,,, (foo) ((bar)) a/b//c\n/\n/d !\n\n\n!", "foo\r\n\r\nbar\t\tbaz \u{A0}\u{A0}x \u{3000}中 \u{2028}\u{85}y",
    "  5   中  \n 6 \n\n中", "_foo _fooé `x` $y #Ünder -中 \u{201C}quoted\u{201D} …",
    "\u{0}\u{1}\u{2}abc\u{0}5\u{200B}\u{200B}中\u{FEFF}!",
    "👩‍👩‍👧‍👦🇩🇪🇨🇳👍🏽❤️ 1️⃣ end", "カタカナひらがな・漢字ー々〆 ｶﾅ한국어 ไทย हिन्दी العربية",
    "Привет, Мир! ПРИВЕТ приВЕТ", "func f(x: Int) -> Int {\n    return x * 2 // twice\n}\n\n",
    #"{"key": [1, 2.5e-10, "\u4f60", null, true], "a":{}}"#,
    "$\\frac{a_{i}}{b^{2}}$ \\begin{align*}\n  x &= y \\\\\n\\end{align*}",
    "trailing   ", "trailing \n\n   ", "trailing\t\n", "\u{378}\u{E000}x", String(repeating: "=", count: 90),
    String(repeating: "ab", count: 70),
  ]

  /// Random text out of scripts, spaces, signs and apostrophes.
  static func random(_ generator: inout some RandomNumberGenerator) -> String {
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 1...40, using: &generator) {
      let range = ranges[Int.random(in: 0..<ranges.count, using: &generator)]
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        guard let value = range.randomElement(using: &generator), let scalar = Unicode.Scalar(value) else { continue }
        text.append(scalar)
      }
    }
    return String(text)
  }

  private static let ranges: [[UInt32]] =
    [
      0x20...0x7E, 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x4E00...0x4E40, 0x9FA0...0x9FB0, 0x3040...0x30FF,
      0x400...0x480,
      0xC0...0x180, 0x1C4...0x1CC, 0x2B0...0x2C0, 0x300...0x310, 0x660...0x669, 0xE01...0xE5B, 0x1F1E6...0x1F1FF,
      0x1F600...0x1F640, 0x2000...0x2030, 0xFE00...0xFE0F, 0x0...0x1F, 0xAC00...0xAC20, 0x378...0x37F,
    ].map { Array($0) } + [
      [0x20, 0x20, 0x0A, 0x0D, 0x09, 0xA0, 0x3000, 0x85],
      [0x27, 0x73, 0x53, 0x17F, 0x6C, 0x4C, 0x76, 0x65, 0x72, 0x64, 0x74],
      [0x2F, 0x5F, 0x3D, 0x2D, 0x22, 0x3002, 0x201C], [0x20], [0x0A],
    ]
}
