internal import CLinux

/// A process that writes lines to a file, so that its maker never waits for the device behind the file.
///
/// Lines go through a ring of fixed size, and each is written whole or not at all. A line is lost and counted where the
/// ring has no room for it, or where the file does not take it. The process shares its maker's memory and does not
/// allocate later. It has the privileges and the priority that its maker had when it was made. It goes on after its
/// maker has exited, until all lines are written.
@safe
package struct LineWriter: ~Copyable {
  // The writer's own mapping, which lives as long as the writer and the thread that waits for it. Only clinux_writer_*
  // access it.
  private let raw: UnsafeMutablePointer<clinux_writer>

  /// The bytes of the size given to ``init(to:size:name:)`` that the ring does not get.
  package static var overhead: Int { unsafe MemoryLayout<clinux_writer>.stride }
  /// The bytes of the ring that each line takes beside its own.
  package static var lineOverhead: Int { MemoryLayout<clinux_writer_entry>.size }

  /// - Parameters:
  ///   - descriptor: The file's descriptor. The writer has its own for it, so the caller may close this one.
  ///   - size: The bytes of memory beside the stack, a number of pages. The ring is what ``overhead`` leaves of them.
  ///   - name: The name of the process, of at most 15 bytes.
  ///   - bound: Where the file is bounded, by the writer: what it would take more goes to a new one.
  /// - Throws: `EAGAIN` or `ENOMEM` where the kernel has no room for a process, `EINVAL` where the size is too small.
  package init(to descriptor: Int32, size: Int, name: borrowing CPath, bound: FileBound? = nil) throws(Errno) {
    guard let writer = unsafe name.withCString({ name in unsafe clinux_writer_start(descriptor, size, name) }) else {
      throw .current
    }
    if let bound {
      // The path is copied, and the writer reads it from its first line on.
      let reason = unsafe bound.path.withCString { path in
        unsafe clinux_writer_bound(writer, path, bound.limit, UInt32(clamping: bound.files))
      }
      guard reason == 0 else {
        unsafe clinux_writer_end(writer)
        throw Errno(reason)
      }
    }
    unsafe raw = unsafe writer
  }

  deinit {
    // The writer is idle, or is left as it is with its mapping.
    unsafe clinux_writer_end(raw)
  }

  /// Puts a line, with its newline, into the ring. Never waits and does not allocate.
  ///
  /// - Parameter owed: The number by which ``failures`` grows if the file does not take the line.
  /// - Returns: Nil, or why there is no room: `EAGAIN` where earlier lines are not written yet, `E2BIG` where the line
  ///   is larger than the ring.
  package func put(_ line: Span<UInt8>, owed: UInt64) -> Errno? {
    // The span is borrowed for the call, which copies it.
    let reason = unsafe line.withUnsafeBytes { bytes in
      unsafe clinux_writer_put(raw, bytes.baseAddress, bytes.count, UInt32(clamping: owed))
    }
    return reason == 0 ? nil : Errno(reason)
  }

  /// Whether all lines are written or lost. ``failures`` that are read after this has been true cover all of them.
  package var isEmpty: Bool { unsafe clinux_writer_is_empty(raw) != 0 }

  /// The sum of what was owed for lines that the file did not take.
  package var failures: UInt64 { unsafe clinux_writer_failures(raw) }

  /// The reason for which the file did not take the last of them. It is meaningless where there is none.
  package var lastReason: Errno { Errno(unsafe clinux_writer_reason(raw)) }

  /// The reason for which the file that is too large could not be followed by a new one, when that was last tried; nil where it
  /// could. It is tried again with each line.
  package var rotationFailure: Errno? {
    let reason = unsafe clinux_writer_rotation(raw)
    return reason == 0 ? nil : Errno(reason)
  }

  /// Waits until all lines are written or lost, at most this long. This is for an agent that exits: a loop never waits.
  package func wait(milliseconds: Int32) {
    _ = unsafe clinux_writer_wait(raw, milliseconds)
  }

  /// The number of the writer's process, for tests.
  package var process: Int32 { unsafe clinux_writer_process(raw) }
}
