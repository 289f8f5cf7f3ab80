internal import CLinux

/// What is behind a descriptor that lines are written to.
extension OwnedDescriptor {
  /// How a file takes lines.
  package enum Taking: Equatable, Sendable {
    /// A socket can be asked not to wait.
    case socket
    /// The null device takes anything at once.
    case null
    /// All others may wait, whatever poll(2) says: of a regular file it says that it is ready.
    case other
  }

  package var taking: Taking {
    switch clinux_kind_of(raw) {
    case clinux_kind_socket: .socket
    case clinux_kind_null: .null
    default: .other
    }
  }

  /// send(2) to a socket, without waiting.
  ///
  /// - Returns: Bytes that were sent: fewer than there are where there was room for no more.
  /// - Throws: `EAGAIN` where there is no room.
  package func send(_ bytes: Span<UInt8>) throws(Errno) -> Int {
    try retrying {
      // The span is borrowed for the call.
      unsafe bytes.withUnsafeBytes { bytes in unsafe clinux_send(raw, bytes.baseAddress, bytes.count) }
    }
  }

  /// Whether a write of up to PIPE_BUF bytes to a pipe goes through without waiting, within so long (poll(2)).
  package func becomesWritable(milliseconds: Int32) -> Bool {
    var request = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
    // One pollfd, on the stack, for the call.
    return unsafe poll(&request, 1, milliseconds) == 1 && request.revents & Int16(POLLOUT) != 0
  }
}

extension OwnedDescriptor {
  /// Whether a regular file ends in a newline, or is empty; nil where that cannot be told.
  package static func endsInALine(_ path: borrowing CPath) -> Bool? {
    // Looked at before it is opened: a FIFO would seem to have a reader for a moment.
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

/// Standard error as a service has it.
package enum JournalStream {
  /// Whether the journal reads this descriptor: `$JOURNAL_STREAM` names its device and inode (systemd.exec(5)).
  package static func isRead(_ descriptor: Int32) -> Bool { clinux_is_journal(descriptor) != 0 }

  /// Whether `name` is that of the descriptor's file, as `$JOURNAL_STREAM` would have it.
  package static func names(_ descriptor: Int32, _ name: borrowing CPath) -> Bool {
    unsafe name.withCString { name in unsafe clinux_is_stream(descriptor, name) } != 0
  }
}
