/// A path as the kernel takes it: bytes with a NUL at the end. Its storage is kept from one use to the next.
package struct CPath: Sendable {
  /// The path's bytes with the NUL after them.
  private(set) var terminated: [UInt8]

  package init(_ text: String) {
    terminated = []
    terminated.reserveCapacity(64)
    append(text)
    terminate()
  }

  /// - Parameter bytes: The path. It is cut at the first NUL.
  package init(_ bytes: [UInt8]) {
    terminated = []
    terminated.reserveCapacity(bytes.count + 1)
    for byte in bytes {
      if byte == 0 { break }
      terminated.append(byte)
    }
    terminate()
  }

  /// Makes the path `/proc/self/fd/N`, which names an open descriptor to another program.
  package init(descriptor: Int32) {
    self.init("/proc/self/fd/")
    append(number: descriptor)
    terminate()
  }

  /// Makes a number with a word after it. This is no path, but it is stored and used in the same way.
  package init(decimal number: UInt64, _ word: String) {
    self.init("")
    set(decimal: number, word)
  }

  /// Replaces the content by a number with a word after it. Does not allocate once the storage is large enough.
  package mutating func set(decimal number: UInt64, _ word: String) {
    terminated.removeAll(keepingCapacity: true)
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var count = 0
    var rest = number
    repeat {
      digits[count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
      count += 1
    } while rest > 0
    while count > 0 {
      count -= 1
      terminated.append(digits[count])
    }
    append(word)
    terminate()
  }

  /// The path's bytes without the NUL.
  package var bytes: Span<UInt8> {
    @_lifetime(borrow self) get { terminated.span.extracting(0..<terminated.count - 1) }
  }

  /// Replaces the path by `pid/file`. Does not allocate once the storage is large enough.
  package mutating func set(pid: Int32, file: String) {
    terminated.removeAll(keepingCapacity: true)
    append(number: pid)
    terminated.append(UInt8(ascii: "/"))
    append(file)
    terminate()
  }

  /// Replaces the path by `pid/task/thread/file`, in the same way.
  package mutating func set(pid: Int32, thread: Int32, file: String) {
    terminated.removeAll(keepingCapacity: true)
    append(number: pid)
    append("/task/")
    append(number: thread)
    terminated.append(UInt8(ascii: "/"))
    append(file)
    terminate()
  }

  /// Replaces the path by three parts in a row. The middle one is cut at its first NUL.
  package mutating func set(_ start: String, _ middle: Span<UInt8>, _ end: String) {
    terminated.removeAll(keepingCapacity: true)
    append(start)
    for index in 0..<middle.count {
      if middle[index] == 0 { break }
      terminated.append(middle[index])
    }
    append(end)
    terminate()
  }

  /// Replaces the path by `folder/file`, or by `file` where the folder is empty.
  package mutating func set(folder: Span<UInt8>, file: String) {
    terminated.removeAll(keepingCapacity: true)
    for index in folder.indices where folder[index] != 0 {
      terminated.append(folder[index])
    }
    if !terminated.isEmpty { terminated.append(UInt8(ascii: "/")) }
    append(file)
    terminate()
  }

  /// Replaces the path by `/sys/block/zramN/mm_stat`.
  package mutating func setZram(_ index: Int32) {
    terminated.removeAll(keepingCapacity: true)
    append("/sys/block/zram")
    append(number: index)
    append("/mm_stat")
    terminate()
  }

  /// Calls `body` with the path as a C string, which is valid during the call.
  func withCString<Result>(_ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    // `terminated` ends in a NUL and is not changed during the call.
    unsafe terminated.withUnsafeBytes { bytes in
      unsafe body(bytes.assumingMemoryBound(to: CChar.self).baseAddress)
    }
  }

  private mutating func append(_ text: String) {
    unterminate()
    for byte in text.utf8 where byte != 0 {
      terminated.append(byte)
    }
  }

  private mutating func append(number: Int32) {
    unterminate()
    var divisor: Int32 = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      terminated.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }

  private mutating func unterminate() {
    if terminated.last == 0 { terminated.removeLast() }
  }

  private mutating func terminate() {
    if terminated.last != 0 { terminated.append(0) }
  }
}
