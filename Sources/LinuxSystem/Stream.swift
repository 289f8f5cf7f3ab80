internal import CLinux

/// The kinds of files that lines are written to.
extension OwnedDescriptor {
  /// How a file behaves when lines are written to it.
  package enum Taking: Equatable, Sendable {
    /// The file is a socket, which can be asked not to wait.
    case socket
    /// The file is the null device, which takes anything at once.
    case null
    /// The file is another, which may wait whatever poll(2) says: poll(2) says that a regular file is always ready.
    case other
  }

  package var taking: Taking {
    switch clinux_kind_of(raw) {
    case clinux_kind_socket: .socket
    case clinux_kind_null: .null
    default: .other
    }
  }

  /// Sends to a socket without waiting (send(2)).
  ///
  /// - Returns: The number of bytes that were sent. It is less than there are where the socket had no room for more.
  /// - Throws: `EAGAIN` where there is no room.
  package func send(_ bytes: Span<UInt8>) throws(Errno) -> Int {
    try retrying {
      // The span is borrowed for the call.
      unsafe bytes.withUnsafeBytes { bytes in unsafe clinux_send(raw, bytes.baseAddress, bytes.count) }
    }
  }

  /// Whether, within this time, a write of up to PIPE_BUF bytes to a pipe can be done without waiting (poll(2)).
  package func becomesWritable(milliseconds: Int32) -> Bool {
    var request = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
    // One pollfd, on the stack, for the call.
    return unsafe poll(&request, 1, milliseconds) == 1 && request.revents & Int16(POLLOUT) != 0
  }
}

extension OwnedDescriptor {
  /// Whether a regular file ends in a newline, or is empty. Nil where that is unknown.
  package static func endsInALine(_ path: borrowing CPath) -> Bool? {
    // The file's kind is read before it is opened: opening a FIFO would give it a reader for a moment.
    guard let place = try? open(path, .path, .noFollow), let kind = try? place.status().kind, kind == .file,
      let file = try? open(path, .read, [.noFollow, .nonBlocking])
    else { return nil }
    let end = Int(lseek(file.raw, 0, SEEK_END))
    if end <= 0 { return end == 0 ? true : nil }
    var last: [UInt8] = [0]
    guard let count = try? file.read(into: &last, at: end - 1), count == 1 else { return nil }
    return last[0] == UInt8(ascii: "\n")
  }
}

/// The journal's stream, which is a service's standard error.
package enum JournalStream {
  /// Whether the journal reads this descriptor: `$JOURNAL_STREAM` has its device and inode (systemd.exec(5)).
  package static func isRead(_ descriptor: Int32) -> Bool { clinux_is_journal(descriptor) != 0 }

  /// Whether `name`, in the form of `$JOURNAL_STREAM`, is the name of the descriptor's file.
  package static func names(_ descriptor: Int32, _ name: borrowing CPath) -> Bool {
    unsafe name.withCString { name in unsafe clinux_is_stream(descriptor, name) } != 0
  }
}
