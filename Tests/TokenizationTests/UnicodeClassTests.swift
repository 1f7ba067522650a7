import Foundation
import Testing

@testable import Tokenization

@Suite("Unicode classes")
struct UnicodeClassTests {
  @Test("the committed table is what the generator makes")
  func tableIsUpToDate() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Sources/Tokenization/UnicodeClassTable.swift")
    let generated = UnicodeTable.generate()
    if ProcessInfo.processInfo.environment["SLUICE_WRITE_UNICODE_CLASSES"] != nil {
      try generated.write(to: file, atomically: true, encoding: .utf8)
    }
    let committed = try String(contentsOf: file, encoding: .utf8)
    #expect(committed == generated, "run scripts/vocabularies/generate-unicode-classes")
  }

  @Test("every scalar has the class that its general category asks for")
  func everyScalar() {
    let reader = ScalarReader()
    let wrong = (UInt32(0)...0x10FFFF).filter {
      !(0xD800...0xDFFF).contains($0) && reader.classOf($0) != UnicodeTable.classOf($0)
    }
    #expect(wrong.count == 0, "the first: \(wrong.first.map { String($0, radix: 16) } ?? "")")
  }

  @Test("UTF-8 is read as the standard library reads it, and stray bytes are one sign each")
  func reading() {
    let reader = ScalarReader()
    for value: UInt32 in [0x24, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF] {
      let bytes = Array(String(Unicode.Scalar(value).map(Character.init) ?? " ").utf8)
      for count in 0...bytes.count {
        let scalar = bytes.withUnsafeBufferPointer { reader.read($0.baseAddress.unsafelyUnwrapped, 0, count) }
        #expect(scalar.width == (count == bytes.count ? count : 0))
        if count == bytes.count { #expect(scalar.value == value) }
      }
    }
    let malformed: [[UInt8]] = [
      [0x80, 0x80], [0xC0, 0x80], [0xC2, 0x41], [0xE0, 0x9F], [0xED, 0xA0], [0xE4, 0xB8, 0x41], [0xF0, 0x8F],
      [0xF4, 0x90], [0xF5, 0x80], [0xFF, 0xFF], [0xF0, 0x90, 0x80, 0x20],
    ]
    for bytes in malformed {
      let scalar = bytes.withUnsafeBufferPointer { reader.read($0.baseAddress.unsafelyUnwrapped, 0, bytes.count) }
      #expect(scalar.width == 1 && scalar.scalarClass == UnicodeClass.sign, "\(bytes)")
    }
  }
}
