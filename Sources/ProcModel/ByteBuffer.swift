/// A fixed block of bytes into which one file after the other is read. It is allocated once and reused.
package struct ByteBuffer: Sendable {
  package var storage: [UInt8]
  /// The number of bytes in use, from the front.
  package var count = 0

  /// - Parameter capacity: The size in bytes. A longer file is cut there, and ``isFull`` is true.
  package init(capacity: Int) {
    storage = [UInt8](repeating: 0, count: capacity)
  }

  /// A buffer that holds exactly `bytes`, for tests and replay.
  package init(_ bytes: [UInt8]) {
    storage = bytes
    count = bytes.count
  }

  /// The bytes that were read last.
  package var bytes: Span<UInt8> {
    @_lifetime(borrow self) get { storage.span.extracting(0..<count) }
  }

  /// Whether the file may have been longer than the buffer.
  package var isFull: Bool { count == storage.count }

  /// Removes the last line of a full buffer, back to the newline before it: the line may be cut in two. Does nothing
  /// where the buffer is not full.
  package mutating func dropTornLine() {
    guard isFull else { return }
    while count > 0, storage[count - 1] != .newline {
      count -= 1
    }
  }

  package mutating func clear() {
    count = 0
  }

  /// Replaces the content by `bytes`, cut at the capacity.
  package mutating func fill(from bytes: Span<UInt8>) {
    count = min(bytes.count, storage.count)
    for index in 0..<count {
      storage[index] = bytes[index]
    }
  }
}
