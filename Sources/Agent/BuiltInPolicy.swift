import ProcModel

/// The policy `server` as an image, for an agent that was given none.
package enum BuiltInPolicy {
  /// The image.
  package static func image() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.utf8.count / 2)
    var high: UInt8?
    for digit in digits.utf8 {
      let value = digit.hexadecimalDigit ?? 0
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }
}
