import Fixtures
import Foundation
import Record
import Testing

@Suite struct JSONWriterTests {
  private static func written(_ write: (inout JSONWriter) -> Void) -> String {
    var json = JSONWriter(capacity: 8)
    write(&json)
    return String(decoding: json.bytes, as: UTF8.self)
  }

  private static func parsed(_ text: String) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
  }

  @Test(
    arguments: [
      (0, "0"), (-0.0, "0"), (1, "1"), (-1, "-1"), (0.1 + 0.2, "0.3"), (0.5, "0.5"), (1.25, "1.25"), (1.0014, "1.001"),
      (1.0016, "1.002"),
      (0.0004, "0"), (-0.0004, "0"), (-0.0005, "-0.001"), (0.0005, "0.001"), (0.999_6, "1"), (-0.999_6, "-1"),
      (0.001, "0.001"), (0.01, "0.01"), (0.1, "0.1"), (100.05, "100.05"), (1e15, "1000000000000000"),
      (9_007_199_254_740_991, "9007199254740991"), (9_007_199_254_740_992, "9007199254740992"),
      (-9_007_199_254_740_994, "-9007199254740994"), (1e18, "1000000000000000000"), (.infinity, "null"),
      (-.infinity, "null"), (.nan, "null"), (.leastNonzeroMagnitude, "0"),
      // No number of a record is so large. It stays a number.
      (.greatestFiniteMagnitude, "18446744073709551615"), (-1e300, "-18446744073709551615"),
    ] as [(Double, String)])
  func aFloatingPointNumberHasUpToThreeDecimals(number: Double, expected: String) throws {
    let text = Self.written { $0.value(number) }
    #expect(text == expected)
    _ = try Self.parsed(text)
  }

  @Test func wholeNumbersAreExact() {
    for number in [0, 1, 9, 10, 99, 100, UInt64.max, .max - 1, 10_000_000_000_000_000_000] as [UInt64] {
      #expect(Self.written { $0.value(number) } == "\(number)")
    }
    for number in [0, -1, 1, Int64.min, .max, -1000] as [Int64] {
      #expect(Self.written { $0.value(number) } == "\(number)")
    }
  }

  @Test func floatingPointNumbersAreRoundedToThousandths() throws {
    var numbers = SplitMix64(seed: 1)
    for _ in 0..<20_000 {
      let number = Double.random(in: -1e9...1e9, using: &numbers)
      let read = try #require(Double(Self.written { $0.value(number) }))
      #expect(abs(read - number) <= 0.000_500_2)
    }
  }

  @Test(arguments: [
    ("", #""""#), ("plain", #""plain""#), ("\"\\/", #""\"\\/""#), ("\n\t\r", #""\n\t\u000d""#),
    ("\0\u{1b}[2J", #""\u0000\u001b[2J""#),
    ("\u{7f}\u{80}\u{9b}\u{9f}\u{a0}", "\"\\u007f\\u0080\\u009b\\u009f\u{a0}\""), ("ünïcödé €😀", "\"ünïcödé €😀\""),
    // Characters that change the direction of text, or break a line.
    ("\u{202e}\u{202a}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}", #""\u202e\u202a\u2066\u2069\u200e\u200f\u061c""#),
    ("\u{2028}\u{2029}\u{feff}", #""\u2028\u2029\ufeff""#),
  ])
  func charactersThatSteerATerminalAreEscaped(text: String, expected: String) throws {
    for written in [Self.written { $0.value(text) }, Self.written { $0.value(untrusted: Array(text.utf8).span) }] {
      #expect(written == expected)
      #expect(try Self.parsed(written) as? String == text)
    }
  }

  /// No text can put these characters into a record.
  @Test func noScalarBreaksALineOrSteersATerminal() throws {
    for value in UInt32(0)...0x2_ffff {
      guard let scalar = Unicode.Scalar(value) else { continue }
      var text = String.UnicodeScalarView()
      text.append(scalar)
      let written = Self.written { $0.value(untrusted: Array(String(text).utf8).span) }
      let isHarmful =
        scalar.properties.generalCategory == .control || scalar.properties.isBidiControl
        || [.lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
      #expect(written.unicodeScalars.contains(scalar) != isHarmful || value == 0xfeff, "\(value)")
      if value < 0x3000 { #expect(try Self.parsed(written) as? String == String(text)) }
    }
  }

  /// Each maximal part that is not UTF-8 becomes one U+FFFD, as with Swift's own decoder.
  @Test func hostileBytesAreReadAsSwiftReadsThem() throws {
    var numbers = SplitMix64(seed: 2)
    // Bytes at which the rules of UTF-8 change.
    let edges: [UInt8] = [
      0x00, 0x22, 0x5c, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
      0xee,
      0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
    ]
    for round in 0..<30_000 {
      let bytes = (0..<Int.random(in: 0...15, using: &numbers)).map { _ in
        round % 2 == 0 ? UInt8.random(in: 0...255, using: &numbers) : edges.randomElement(using: &numbers) ?? 0
      }
      let written = Self.written { $0.value(untrusted: bytes.span) }
      let read = try #require(try Self.parsed(written) as? String)
      #expect(read.unicodeScalars.elementsEqual(String(decoding: bytes, as: UTF8.self).unicodeScalars), "\(bytes)")
    }
  }

  @Test func structuresNest() throws {
    let text = Self.written { json in
      json.beginObject()
      json.key("a")
      json.beginArray()
      json.value(UInt64(1))
      json.beginObject()
      json.endObject()
      json.beginArray()
      json.endArray()
      json.null()
      json.value(true)
      json.endArray()
      json.key("b\n")
      json.beginObject()
      json.key("c")
      json.value("d")
      json.key("e")
      json.value(false)
      json.endObject()
      json.key("f")
      json.value(0.5)
      json.endObject()
      json.newline()
      json.beginArray()
      json.endArray()
      json.newline()
    }
    #expect(text == #"{"a":[1,{},[],null,true],"b\n":{"c":"d","e":false},"f":0.5}"# + "\n[]\n")
  }

  @Test func aClearedWriterBeginsAnew() {
    var json = JSONWriter(capacity: 8)
    json.beginArray()
    json.value(true)
    json.clear()
    json.value(false)
    #expect(json.bytes == Array("false".utf8))
  }
}
