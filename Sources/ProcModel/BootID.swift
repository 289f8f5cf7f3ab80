/// What the kernel calls this boot: `/proc/sys/kernel/random/boot_id` (random(4)), 36 characters such as
/// `1e4b4a41-7b1f-4f0c-9d5c-3b9b1a3b9a11`. It is another after each boot.
package struct BootID: Equatable, Sendable {
  package static let length = 36

  private var storage = InlineArray<36, UInt8>(repeating: UInt8(ascii: "0"))

  /// - Parameter bytes: The content of the file.
  /// - Returns: Nil where that is no such id.
  package init?(parsing bytes: Span<UInt8>) {
    guard bytes.count >= BootID.length else { return nil }
    if bytes.count > BootID.length, bytes[BootID.length] != .newline { return nil }
    for index in 0..<BootID.length {
      let byte = bytes[index]
      switch (index, byte) {
      case (8, UInt8(ascii: "-")), (13, UInt8(ascii: "-")), (18, UInt8(ascii: "-")), (23, UInt8(ascii: "-")): break
      case (8, _), (13, _), (18, _), (23, _): return nil
      case (_, UInt8(ascii: "0")...UInt8(ascii: "9")), (_, UInt8(ascii: "a")...UInt8(ascii: "f")): break
      default: return nil
      }
      storage[index] = byte
    }
  }

  package var bytes: Span<UInt8> {
    @_lifetime(borrow self) get { storage.span }
  }

  package static func == (left: BootID, right: BootID) -> Bool {
    for index in 0..<BootID.length where left.storage[index] != right.storage[index] { return false }
    return true
  }
}
