internal import CLinux

/// Reports when files appear, disappear or are written in a few directories (inotify(7)).
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

  /// Watches a directory from now on. Does nothing where it is watched already.
  ///
  /// - Returns: The directory's number in events.
  package func add(_ directory: borrowing CPath) throws(Errno) -> Int32 {
    let raw = descriptor.raw
    return Int32(try retrying { unsafe directory.withCString { path in unsafe Int(clinux_inotify_watch(raw, path)) } })
  }

  /// Takes all pending events.
  ///
  /// - Parameter body: Receives the directory's number and the file's name. The name is empty where the directory
  ///   itself has gone. The number is −1, with an empty name, where events were lost.
  package mutating func drain(_ body: (Int32, Span<UInt8>) -> Void) {
    while let count = try? descriptor.readNext(into: &buffer), count > 0 {
      var event = 0
      while event + FileWatch.nameOffset <= count {
        let length = Int(number(at: event + FileWatch.lengthOffset))
        let start = event + FileWatch.nameOffset
        let room = min(start + length, count)
        var end = start
        // The kernel pads names with NULs.
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
      // The bytes are in the machine's order, which is little-endian on all machines for which this is built.
      number |= UInt32(buffer[offset + index]) << (8 * UInt32(index))
    }
    return number
  }
}

extension FileWatch {
  /// Readable whenever there are events.
  package var raw: Int32 { descriptor.raw }
}
