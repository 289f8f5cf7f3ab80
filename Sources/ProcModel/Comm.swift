/// The name that a process gives itself, of up to 15 bytes (`prctl(PR_SET_NAME)`, proc(5) `comm`).
///
/// The name is never trusted: it may hold spaces, parentheses, newlines, escapes and invalid UTF-8. The kernel gives
/// some of its own threads longer names; they are cut here.
package struct Comm: Equatable, Sendable {
  package private(set) var storage: InlineArray<15, UInt8>
  package private(set) var count: UInt8

  /// The empty name.
  package init() {
    storage = InlineArray(repeating: 0)
    count = 0
  }

  /// - Parameter bytes: The name. It is cut after 15 bytes.
  package init(_ bytes: Span<UInt8>) {
    self.init()
    count = UInt8(min(bytes.count, 15))
    for index in 0..<Int(count) {
      storage[index] = bytes[index]
    }
  }

  package init(_ text: String) {
    self.init()
    for byte in text.utf8 where count < 15 {
      storage[Int(count)] = byte
      count += 1
    }
  }

  package var bytes: Span<UInt8> {
    @_lifetime(borrow self) get { storage.span.extracting(0..<Int(count)) }
  }

  /// Whether this is the name of swapoff(8).
  var isSwapoff: Bool {
    guard count == 7 else { return false }
    var scanner = ByteScanner(bytes)
    return scanner.take("swapoff")
  }

  package static func == (left: Comm, right: Comm) -> Bool {
    guard left.count == right.count else { return false }
    for index in 0..<Int(left.count) where left.storage[index] != right.storage[index] {
      return false
    }
    return true
  }
}
