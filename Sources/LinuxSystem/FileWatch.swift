internal import CLinux

/// Tells when files come, go or are written in a few directories (inotify(7)).
package struct FileWatch: ~Copyable {
  private let descriptor: OwnedDescriptor
  private var buffer = [UInt8](repeating: 0, count: 2048)

  // struct inotify_event: wd, mask, cookie, len (4 bytes each), name.
  private static let maskOffset = 4
  private static let lengthOffset = 12
  private static let nameOffset = 16

  private init(descriptor: consuming OwnedDescriptor) {
    self.descriptor = descriptor
  }

  package static func open() throws(Errno) -> FileWatch {
    FileWatch(descriptor: OwnedDescriptor(owning: Int32(try retrying { Int(clinux_inotify_open()) })))
  }

  /// Watches a directory from now on; one that is watched already stays so.
  ///
  /// - Returns: The number by which events name it.
  package func add(_ directory: borrowing CPath) throws(Errno) -> Int32 {
    let raw = descriptor.raw
    return Int32(try retrying { unsafe directory.withCString { path in unsafe Int(clinux_inotify_watch(raw, path)) } })
  }

  /// Takes all events that are there.
  ///
  /// - Parameter body: Is told the directory's number, and the name in it: empty where the directory itself has gone,
  ///   and, with −1 for the number, where events were lost.
  package mutating func drain(_ body: (Int32, Span<UInt8>) -> Void) {
    while let count = try? descriptor.readNext(into: &buffer), count > 0 {
      var event = 0
      while event + FileWatch.nameOffset <= count {
        let length = Int(number(at: event + FileWatch.lengthOffset))
        let start = event + FileWatch.nameOffset
        let room = min(start + length, count)
        var end = start
        // The kernel fills up with NULs.
        while end < room, buffer[end] != 0 { end += 1 }
        let isLost = number(at: event + FileWatch.maskOffset) & UInt32(IN_Q_OVERFLOW) != 0
        body(isLost ? -1 : Int32(bitPattern: number(at: event)), buffer.span.extracting(start..<end))
        event = start + length
      }
    }
  }

  private func number(at offset: Int) -> UInt32 {
    var number: UInt32 = 0
    for index in 0..<4 {
      // In the machine's order, which is little-endian on all that this is built for.
      number |= UInt32(buffer[offset + index]) << (8 * UInt32(index))
    }
    return number
  }
}

extension EventLoop {
  /// Wakes the loop whenever there are events.
  package func watch(_ files: borrowing FileWatch, tag: UInt64) throws(Errno) {
    try watch(files.raw, tag: tag)
  }
}

extension FileWatch {
  fileprivate var raw: Int32 { descriptor.raw }
}
