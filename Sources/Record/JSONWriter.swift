package import ProcModel

/// Writes JSON (RFC 8259) into bytes that are kept from one use to the next: no allocation once they have held as much.
///
/// Strings that come from processes are bytes, and untrusted: invalid UTF-8 becomes U+FFFD, and everything that could
/// steer a terminal or break a line (C0, DEL, C1, line separators, direction marks) is escaped.
package struct JSONWriter: Sendable {
  package private(set) var bytes: [UInt8] = []
  /// Whether the next member or element is preceded by a comma.
  private var needsComma = false

  /// - Parameter capacity: Bytes for which memory is taken at once.
  package init(capacity: Int) {
    bytes.reserveCapacity(capacity)
  }

  package mutating func clear() {
    bytes.removeAll(keepingCapacity: true)
    needsComma = false
  }

  // MARK: Structure

  package mutating func beginObject() { open("{") }
  package mutating func endObject() { close("}") }
  package mutating func beginArray() { open("[") }
  package mutating func endArray() { close("]") }

  /// The name of the next member.
  package mutating func key(_ name: String) {
    separate()
    quote(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// Ends a line of JSON Lines.
  package mutating func newline() {
    bytes.append(UInt8(ascii: "\n"))
    needsComma = false
  }

  /// Takes back the end of an object that ended a line, for one more member.
  mutating func reopen() {
    bytes.removeLast(2)
    needsComma = true
  }

  // MARK: Values

  package mutating func value(_ text: String) {
    separate()
    quote(text)
    needsComma = true
  }

  /// A string of untrusted bytes.
  package mutating func value(untrusted text: Span<UInt8>) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    var decoder = UTF8Decoder()
    while let scalar = decoder.next(in: text) {
      escape(scalar)
    }
    bytes.append(UInt8(ascii: "\""))
    needsComma = true
  }

  package mutating func value(_ number: UInt64) {
    separate()
    bytes.append(decimal: number)
    needsComma = true
  }

  package mutating func value(_ number: Int64) {
    separate()
    bytes.append(decimal: number)
    needsComma = true
  }

  /// A number with up to three decimals; what is not finite becomes null.
  package mutating func value(_ number: Double) {
    separate()
    bytes.append(decimal: number)
    needsComma = true
  }

  package mutating func value(_ flag: Bool) {
    separate()
    bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    needsComma = true
  }

  /// A string whose content `body` appends; it must need no escape.
  mutating func rawString(_ body: (inout [UInt8]) -> Void) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    body(&bytes)
    bytes.append(UInt8(ascii: "\""))
    needsComma = true
  }

  package mutating func null() {
    separate()
    bytes.append(contentsOf: "null".utf8)
    needsComma = true
  }

  // MARK: Members

  package mutating func field(_ name: String, _ text: String) {
    key(name)
    value(text)
  }

  /// A member that is null where there is no text.
  package mutating func field(_ name: String, optional text: String?) {
    key(name)
    if let text { value(text) } else { null() }
  }

  package mutating func field(_ name: String, untrusted text: Span<UInt8>) {
    key(name)
    value(untrusted: text)
  }

  package mutating func field(_ name: String, _ number: UInt64) {
    key(name)
    value(number)
  }

  package mutating func field(_ name: String, _ number: Int64) {
    key(name)
    value(number)
  }

  package mutating func field(_ name: String, count: Int) {
    field(name, UInt64(max(count, 0)))
  }

  /// A member that is null where there is no number.
  package mutating func field(_ name: String, optional number: UInt64?) {
    key(name)
    if let number { value(number) } else { null() }
  }

  package mutating func field(_ name: String, _ flag: Bool) {
    key(name)
    value(flag)
  }

  package mutating func field(_ name: String, _ amount: KiB) {
    field(name, amount.count)
  }

  // MARK: -

  private mutating func open(_ bracket: Unicode.Scalar) {
    separate()
    bytes.append(UInt8(ascii: bracket))
    needsComma = false
  }

  private mutating func close(_ bracket: Unicode.Scalar) {
    bytes.append(UInt8(ascii: bracket))
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
  }

  private mutating func quote(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      escape(scalar)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "\"": bytes.append(contentsOf: "\\\"".utf8)
    case "\\": bytes.append(contentsOf: "\\\\".utf8)
    case "\n": bytes.append(contentsOf: "\\n".utf8)
    case "\t": bytes.append(contentsOf: "\\t".utf8)
    default:
      if scalar.steersTerminals {
        bytes.append(contentsOf: "\\u".utf8)
        bytes.append(hexadecimal: scalar.value, digits: 4)
      } else {
        bytes.append(utf8Of: scalar)
      }
    }
  }
}
