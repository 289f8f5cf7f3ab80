/// Reads UTF-8 from untrusted bytes, one scalar after the other; each maximal invalid part becomes U+FFFD.
struct UTF8Decoder {
  private var offset = 0

  mutating func next(in bytes: Span<UInt8>) -> Unicode.Scalar? {
    guard offset < bytes.count else { return nil }
    let lead = bytes[offset]
    offset += 1
    let length: Int
    var value: UInt32
    // The second byte's range rules out overlong forms, surrogates and what lies beyond U+10FFFF (Unicode, table 3-7).
    var low: UInt8 = 0x80
    var high: UInt8 = 0xbf
    switch lead {
    case 0x00...0x7f: return Unicode.Scalar(lead)
    case 0xc2...0xdf: (length, value) = (1, UInt32(lead & 0x1f))
    case 0xe0...0xef:
      (length, value) = (2, UInt32(lead & 0x0f))
      if lead == 0xe0 { low = 0xa0 }
      if lead == 0xed { high = 0x9f }
    case 0xf0...0xf4:
      (length, value) = (3, UInt32(lead & 0x07))
      if lead == 0xf0 { low = 0x90 }
      if lead == 0xf4 { high = 0x8f }
    default: return "\u{fffd}"
    }
    for _ in 0..<length {
      guard offset < bytes.count, bytes[offset] >= low, bytes[offset] <= high else { return "\u{fffd}" }
      value = value << 6 | UInt32(bytes[offset] & 0x3f)
      offset += 1
      low = 0x80
      high = 0xbf
    }
    return Unicode.Scalar(value) ?? "\u{fffd}"
  }
}

extension Unicode.Scalar {
  /// Whether it could move a cursor, break a line, or turn the direction of what follows.
  var steersTerminals: Bool {
    switch value {
    case 0x00...0x1f, 0x7f...0x9f, 0x061c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: true
    default: false
    }
  }
}

extension Array where Element == UInt8 {
  /// The digits of a number.
  package mutating func append(decimal number: UInt64) {
    var divisor: UInt64 = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }

  package mutating func append(decimal number: Int64) {
    if number < 0 { append(UInt8(ascii: "-")) }
    append(decimal: number.magnitude)
  }

  /// Up to three decimals, rounded to nearest, without zeros at the end; `null` for what is not finite.
  package mutating func append(decimal number: Double) {
    guard number.isFinite else {
      append(contentsOf: "null".utf8)
      return
    }
    // Not before what is rounded to 0.
    if number <= -0.0005 { append(UInt8(ascii: "-")) }
    // Beyond 2^53 a Double has no decimals, and 18 quintillion is as much as fits.
    let magnitude = number.magnitude
    guard magnitude < 9_007_199_254_740_992 else {
      append(decimal: magnitude < 18_000_000_000_000_000_000 ? UInt64(magnitude) : UInt64.max)
      return
    }
    var whole = UInt64(magnitude)
    var thousandths = UInt64(((magnitude - Double(whole)) * 1000).rounded())
    if thousandths == 1000 {
      whole += 1
      thousandths = 0
    }
    append(decimal: whole)
    guard thousandths > 0 else { return }
    append(UInt8(ascii: "."))
    var divisor: UInt64 = 100
    while thousandths > 0 {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: thousandths / divisor))
      thousandths %= divisor
      divisor /= 10
    }
  }

  mutating func append(hexadecimal number: UInt32, digits: Int) {
    for digit in stride(from: digits - 1, through: 0, by: -1) {
      let nibble = UInt8(truncatingIfNeeded: number >> UInt32(digit * 4)) & 0xf
      append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10)
    }
  }

  mutating func append(utf8Of scalar: Unicode.Scalar) {
    let value = scalar.value
    switch value {
    case 0...0x7f:
      append(UInt8(value))
    case 0x80...0x7ff:
      append(UInt8(0xc0 | value >> 6))
      append(UInt8(0x80 | value & 0x3f))
    case 0x800...0xffff:
      append(UInt8(0xe0 | value >> 12))
      append(UInt8(0x80 | value >> 6 & 0x3f))
      append(UInt8(0x80 | value & 0x3f))
    default:
      append(UInt8(0xf0 | value >> 18))
      append(UInt8(0x80 | value >> 12 & 0x3f))
      append(UInt8(0x80 | value >> 6 & 0x3f))
      append(UInt8(0x80 | value & 0x3f))
    }
  }

  /// Untrusted bytes for a line that people read: what steers terminals is shown as `\xNN` or `\uNNNN`, and what is
  /// not UTF-8 as U+FFFD.
  package mutating func append(visible text: Span<UInt8>) {
    var decoder = UTF8Decoder()
    while let scalar = decoder.next(in: text) {
      if scalar.steersTerminals {
        append(contentsOf: (scalar.value < 0x100 ? "\\x" : "\\u").utf8)
        append(hexadecimal: scalar.value, digits: scalar.value < 0x100 ? 2 : 4)
      } else {
        append(utf8Of: scalar)
      }
    }
  }

  /// A literal.
  package mutating func append(_ text: String) {
    append(contentsOf: text.utf8)
  }
}
