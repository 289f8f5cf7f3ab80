/// A fixed block of bytes that one file after the other is read into: allocated once, reused for ever.
package struct ByteBuffer: Sendable {
  package var storage: [UInt8]
  /// Bytes in use, from the front.
  package var count = 0

  /// - Parameter capacity: In bytes. A longer file is cut there; ``isFull`` tells.
  package init(capacity: Int) {
    storage = [UInt8](repeating: 0, count: capacity)
  }

  /// A buffer that holds just `bytes`, for tests and replay.
  package init(_ bytes: [UInt8]) {
    storage = bytes
    count = bytes.count
  }

  /// What was read last.
  package var bytes: Span<UInt8> {
    @_lifetime(borrow self) get { storage.span.extracting(0..<count) }
  }

  /// Whether the file may have been longer than the buffer.
  package var isFull: Bool { count == storage.count }

  /// Takes off the end that a full buffer may have cut in two, back to the last newline.
  package mutating func dropTornLine() {
    guard isFull else { return }
    while count > 0, storage[count - 1] != .newline {
      count -= 1
    }
  }

  package mutating func clear() {
    count = 0
  }

  /// Copies `bytes` in, cut at the capacity.
  package mutating func fill(from bytes: Span<UInt8>) {
    count = min(bytes.count, storage.count)
    for index in 0..<count {
      storage[index] = bytes[index]
    }
  }
}
