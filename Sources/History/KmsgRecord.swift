import ProcModel

/// One record of the kernel's log, as a read of `/dev/kmsg` gives it (Documentation/ABI/testing/dev-kmsg):
/// `6,2302,533604004,-;message`, with bytes that are not printable, and backslashes, as `\x0a`.
struct KmsgRecord: Equatable, Sendable {
  /// Who wrote it: 0 is the kernel, and what a program writes has another one, whatever the program says.
  var facility: UInt64
  /// Microseconds on the kernel's clock, which stands while the machine sleeps.
  var time: UInt64
  /// Its bytes, without the escapes.
  var message: [UInt8]

  /// Nil where the line is no such record.
  init?(_ line: [UInt8]) {
    var cursor = TextCursor(line)
    guard let priority = cursor.number(), cursor.take(","), cursor.number() != nil, cursor.take(","),
      let time = cursor.number(), cursor.take(","), let end = cursor.find(";")
    else { return nil }
    facility = priority >> 3
    self.time = time
    cursor.move(to: end + 1)
    // Lines that follow begin with a blank, and are the record's dictionary.
    let rest = cursor.rest
    message = KmsgRecord.unescaped(rest.prefix { $0 != .newline })
  }

  private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var index = text.startIndex
    while index < text.endIndex {
      if text[index] == UInt8(ascii: "\\"), index + 3 < text.endIndex, text[index + 1] == UInt8(ascii: "x"),
        let high = text[index + 2].hexadecimalDigit, let low = text[index + 3].hexadecimalDigit
      {
        bytes.append(high << 4 | low)
        index += 4
      } else {
        bytes.append(text[index])
        index += 1
      }
    }
    return bytes
  }
}
