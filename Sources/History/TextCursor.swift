import ProcModel

/// Reads forward through the bytes of a message that anybody may have written. It never reads past the end, and its
/// numbers saturate.
struct TextCursor {
  let bytes: [UInt8]
  private(set) var position: Int

  init(_ bytes: [UInt8], from position: Int = 0) {
    self.bytes = bytes
    self.position = min(max(position, 0), bytes.count)
  }

  var isAtEnd: Bool { position >= bytes.count }
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }
  var rest: ArraySlice<UInt8> { bytes[position...] }

  mutating func advance(by count: Int = 1) {
    position = min(position + max(count, 0), bytes.count)
  }

  mutating func move(to place: Int) {
    position = min(max(place, 0), bytes.count)
  }

  mutating func skipBlanks() {
    while next == .space || next == .tab { position += 1 }
  }

  /// Whether `literal` stands at a place.
  func stands(_ literal: String, at place: Int) -> Bool {
    let wanted = literal.utf8
    guard place >= 0, bytes.count - place >= wanted.count else { return false }
    var index = place
    for byte in wanted {
      if bytes[index] != byte { return false }
      index += 1
    }
    return true
  }

  /// Consumes `literal` if it is next, and returns whether it was.
  mutating func take(_ literal: String) -> Bool {
    guard stands(literal, at: position) else { return false }
    position += literal.utf8.count
    return true
  }

  /// Consumes a run of decimal digits; nil without one. What is beyond 64 bits is the largest number.
  mutating func number() -> UInt64? {
    var value: UInt64?
    while let digit = next?.decimalDigit {
      let (tens, overflow) = (value ?? 0).multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
      value = overflow || carry ? .max : sum
      position += 1
    }
    return value
  }

  /// Consumes a decimal number with or without a sign; nil without digits. It saturates.
  mutating func signedNumber() -> Int64? {
    let start = position
    let isNegative = next == .minus
    if isNegative { position += 1 }
    guard let magnitude = number() else {
      position = start
      return nil
    }
    let value = Int64(clamping: magnitude)
    return isNegative ? -value : value
  }

  /// Consumes exactly so many digits; nil, and nothing consumed, where there are fewer.
  mutating func digits(_ count: Int) -> Int64? {
    guard position + count <= bytes.count else { return nil }
    var value: Int64 = 0
    for index in position..<position + count {
      guard let digit = bytes[index].decimalDigit else { return nil }
      value = value * 10 + Int64(digit)
    }
    position += count
    return value
  }

  /// The first place at or after the cursor at which `literal` stands.
  func find(_ literal: String, before end: Int? = nil) -> Int? {
    let last = min(end ?? bytes.count, bytes.count) - literal.utf8.count
    guard last >= position else { return nil }
    for place in position...last where stands(literal, at: place) { return place }
    return nil
  }

  /// The last place at or after the cursor at which `literal` stands.
  func findLast(_ literal: String, before end: Int? = nil) -> Int? {
    let last = min(end ?? bytes.count, bytes.count) - literal.utf8.count
    guard last >= position else { return nil }
    for place in stride(from: last, through: position, by: -1) where stands(literal, at: place) { return place }
    return nil
  }

  /// Consumes what is before a place.
  mutating func text(upTo place: Int) -> [UInt8] {
    let end = min(max(place, position), bytes.count)
    defer { position = end }
    return Array(bytes[position..<end])
  }

  /// Consumes the bytes up to the next blank or the end.
  mutating func word() -> [UInt8] {
    var end = position
    while end < bytes.count, bytes[end] != .space { end += 1 }
    return text(upTo: end)
  }
}
