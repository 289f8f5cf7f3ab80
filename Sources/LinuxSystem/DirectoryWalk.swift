internal import CLinux

/// A walk over the entries of a directory, by getdents64(2) into one buffer that is kept. It is made above all for
/// names that are numbers, as in /proc.
package struct DirectoryWalk: ~Copyable {
  private var directory: OwnedDescriptor?
  private var buffer: [UInt8]
  private var position = 0
  private var end = 0

  // struct linux_dirent64: d_ino, d_off (8 bytes each), d_reclen (2), d_type (1), d_name.
  private static let lengthOffset = 16
  private static let nameOffset = 19

  /// - Parameter capacity: The size in bytes of the buffer that one call fills. An entry of /proc takes 24 to 32 bytes.
  package init(_ directory: consuming OwnedDescriptor, capacity: Int) {
    self.directory = .some(directory)
    buffer = [UInt8](repeating: 0, count: capacity)
  }

  /// Makes a walk over nothing, until ``begin(_:at:)`` gives it a directory.
  package init(capacity: Int) {
    directory = nil
    buffer = [UInt8](repeating: 0, count: capacity)
  }

  /// Begins the walk again.
  package mutating func rewind() throws(Errno) {
    position = 0
    end = 0
    switch directory {
    case .some(let directory): try directory.rewind()
    case .none: break
    }
  }

  /// Begins a walk over another directory, which the walk owns from here on.
  ///
  /// - Parameter position: The directory's own position at which to begin: 0, or one that its file system documents.
  package mutating func begin(_ directory: consuming OwnedDescriptor, at position: Int) throws(Errno) {
    self.position = 0
    end = 0
    if position > 0 { try directory.seek(to: position) }
    self.directory = .some(directory)
  }

  /// Returns the next name that is a number, or nil at the end.
  package mutating func next() throws(Errno) -> Int32? {
    while let name = try nextName() {
      if let number = number(at: name) { return number }
    }
    return nil
  }

  /// Returns the remaining names without `.` and `..`, in the order of their bytes. Allocates.
  ///
  /// - Parameter limit: The largest number of names that are returned, for a folder that has too many.
  package mutating func names(limit: Int) throws(Errno) -> [[UInt8]] {
    var names: [[UInt8]] = []
    while names.count < limit, let start = try nextName() {
      let name = buffer[start..<end].prefix { $0 != 0 }
      if !name.elementsEqual([UInt8(ascii: ".")]), !name.elementsEqual([UInt8(ascii: "."), UInt8(ascii: ".")]) {
        names.append(Array(name))
      }
    }
    names.sort { $0.lexicographicallyPrecedes($1) }
    return names
  }

  /// Returns the offset of the next name in the buffer; nil at the end.
  private mutating func nextName() throws(Errno) -> Int? {
    if position >= end, try !refill() { return nil }
    let entry = position
    let length = Int(buffer[entry + Self.lengthOffset]) | Int(buffer[entry + Self.lengthOffset + 1]) << 8
    position += max(length, Self.nameOffset)
    return entry + Self.nameOffset
  }

  private mutating func refill() throws(Errno) -> Bool {
    let raw: Int32
    switch directory {
    case .some(let directory): raw = directory.raw
    case .none: return false
    }
    end = try retrying {
      // The array outlives the call.
      unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe clinux_getdents64(raw, bytes.baseAddress, bytes.count)
      }
    }
    position = 0
    return end > 0
  }

  private func number(at start: Int) -> Int32? {
    var value: Int32 = 0
    var index = start
    while index < end, buffer[index] != 0 {
      let byte = buffer[index]
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), value < 100_000_000 else { return nil }
      value = value * 10 + Int32(byte - UInt8(ascii: "0"))
      index += 1
    }
    return index > start ? value : nil
  }
}
