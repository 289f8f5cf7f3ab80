internal import CLinux

/// A file in memory that a program reads as its standard input. Its pages are allocated before it is filled.
package struct HookInput: ~Copyable {
  private let writing: OwnedDescriptor
  // This descriptor cannot be written to, and has a position of its own.
  let reading: OwnedDescriptor
  private let capacity: Int

  /// - Parameter capacity: The size in bytes.
  package init(capacity: Int) throws(Errno) {
    let file = try MemoryFile.create(CPath("spillway-hook"))
    // A program that inherits the descriptor can open the file anew by /proc/PID/fd, and must not be able to write to
    // it then.
    let raw = file.raw
    _ = try retrying { Int(fchmod(raw, 0o400)) }
    let reader = try OwnedDescriptor.open(CPath(descriptor: file.raw), .read)
    try HookInput.allocate(file, capacity)
    // The descriptor must be above the standard ones, which are the program's.
    let high = try OwnedDescriptor.duplicate(reader.raw)
    reading = high
    writing = file
    self.capacity = capacity
  }

  /// Allocates all of the file's pages.
  ///
  /// - Throws: `ENOMEM` or `ENOSPC` where there is no room.
  package func prepare() throws(Errno) {
    try HookInput.allocate(writing, capacity)
  }

  private static func allocate(_ file: borrowing OwnedDescriptor, _ capacity: Int) throws(Errno) {
    let raw = file.raw
    // fallocate(2) refuses a length of zero.
    _ = try retrying { Int(clinux_allocate(raw, max(capacity, 1))) }
  }

  /// Replaces the content by `text`, cut at the capacity. It is read from the beginning.
  package func fill(_ text: Span<UInt8>) throws(Errno) {
    let length = min(text.count, capacity)
    try writing.rewind()
    try writing.write(text.extracting(0..<length))
    // The file gets shorter than it was prepared, so pages are given back and none is allocated.
    let raw = writing.raw
    _ = try retrying { Int(ftruncate(raw, off_t(length))) }
    try reading.rewind()
  }
}

/// The pipe to which a program writes.
package struct HookPipe: ~Copyable {
  private let reading: OwnedDescriptor
  // This descriptor is above the standard ones.
  private var writing: OwnedDescriptor?

  package init() throws(Errno) {
    var reader: Int32 = -1
    var writer: Int32 = -1
    // Two integers, on the stack, for the call.
    _ = try retrying { unsafe Int(clinux_pipe(&reader, &writer)) }
    let low = OwnedDescriptor(owning: writer)
    let from = OwnedDescriptor(owning: reader)
    let high = try OwnedDescriptor.duplicate(low.raw)
    reading = from
    writing = .some(high)
  }

  /// The descriptor to wait on. It is readable when something was written, or when no process can write any more.
  package var readingRaw: Int32 { reading.raw }

  /// Closes this process's writing end. Otherwise the pipe would not end when the program exits.
  package mutating func closeWriting() {
    writing = nil
  }

  /// Reads what was written, without waiting.
  ///
  /// - Returns: The number of bytes read; 0 where no process can write any more.
  /// - Throws: `EAGAIN` where there is nothing yet.
  package func read(into buffer: inout [UInt8]) throws(Errno) -> Int {
    try reading.readNext(into: &buffer)
  }

  /// Makes the pipe a program's output, and `input` its standard input.
  package func attach(_ program: inout ProgramStart, input: borrowing HookInput) {
    switch writing {
    case .some(let writing): program.setDescriptors(input: input.reading, output: writing)
    case .none: break
    }
  }
}
