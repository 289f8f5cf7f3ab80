internal import CLinux

/// A process that writes lines to a file, so that its maker never waits for the device behind it.
///
/// Lines go through a ring of fixed size, and are whole or absent: what the ring has no room for, and what the file does
/// not take, is lost and counted. The process shares its maker's memory and takes none later. It has the privileges and
/// the priority that its maker had when it was made. It writes what was put also after its maker has gone.
@safe
package struct LineWriter: ~Copyable {
  // Its own mapping, which lives as long as the writer and the thread that waits for it. Touched by clinux_writer_*
  // alone.
  private let raw: UnsafeMutablePointer<clinux_writer>

  /// Bytes of ``init(to:size:name:)``'s size that are not the ring's.
  package static var overhead: Int { unsafe MemoryLayout<clinux_writer>.stride }
  /// Bytes of the ring that each line takes beside its own.
  package static var lineOverhead: Int { MemoryLayout<clinux_writer_entry>.size }

  /// - Parameters:
  ///   - descriptor: Of the file. The writer has its own for it: the caller's may be closed.
  ///   - size: Bytes of memory beside its stack: a number of pages. The ring is what ``overhead`` leaves of them.
  ///   - name: What the process is called; 15 bytes at most.
  /// - Throws: `EAGAIN` or `ENOMEM` where the kernel has no room for a process, `EINVAL` where the size is too small.
  package init(to descriptor: Int32, size: Int, name: borrowing CPath) throws(Errno) {
    guard let writer = unsafe name.withCString({ name in unsafe clinux_writer_start(descriptor, size, name) }) else {
      throw .current
    }
    unsafe raw = unsafe writer
  }

  deinit {
    // Idle, or left as it is with its mapping.
    unsafe clinux_writer_end(raw)
  }

  /// Puts a line, with its newline. Allocates nothing and never waits.
  ///
  /// - Parameter owed: By how much ``failures`` grows if the file does not take it.
  /// - Returns: Nil, or why there is no room: `EAGAIN` where lines before it are not out yet, `E2BIG` where it is larger
  ///   than the ring.
  package func put(_ line: Span<UInt8>, owed: UInt64) -> Errno? {
    // The span is borrowed for the call, which copies it.
    let reason = unsafe line.withUnsafeBytes { bytes in
      unsafe clinux_writer_put(raw, bytes.baseAddress, bytes.count, UInt32(clamping: owed))
    }
    return reason == 0 ? nil : Errno(reason)
  }

  /// Whether all that was put is written or lost. ``failures`` that are read after it has been true are of all of it.
  package var isEmpty: Bool { unsafe clinux_writer_is_empty(raw) != 0 }

  /// The sum of what was owed for lines that were put and that the file did not take.
  package var failures: UInt64 { unsafe clinux_writer_failures(raw) }

  /// Why the last of these was not taken; of no meaning where there is none.
  package var lastReason: Errno { Errno(unsafe clinux_writer_reason(raw)) }

  /// Waits until all that was put is written or lost, for so long at most. For an agent that ends: a loop never waits.
  package func wait(milliseconds: Int32) {
    _ = unsafe clinux_writer_wait(raw, milliseconds)
  }

  /// The writer's process, for tests.
  package var process: Int32 { unsafe clinux_writer_process(raw) }
}
