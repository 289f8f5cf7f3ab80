internal import CLinux

/// A file in memory that a program reads as its standard input. Its pages are there before it is filled.
package struct HookInput: ~Copyable {
  private let writing: OwnedDescriptor
  // Cannot be written through, and has a position of its own.
  let reading: OwnedDescriptor
  private let capacity: Int

  /// - Parameter capacity: In bytes.
  package init(capacity: Int) throws(Errno) {
    let file = try MemoryFile.create(CPath("spillway-hook"))
    // Whoever inherits a descriptor can open the file anew by /proc/PID/fd, and may not write to it then.
    let raw = file.raw
    _ = try retrying { Int(fchmod(raw, 0o400)) }
    let reader = try OwnedDescriptor.open(CPath(descriptor: file.raw), .read)
    try HookInput.allocate(file, capacity)
    // Above the standard ones, where a program's are put.
    let high = try OwnedDescriptor.duplicate(reader.raw)
    reading = high
    writing = file
    self.capacity = capacity
  }

  /// Has the kernel find room for all of it.
  ///
  /// - Throws: `ENOMEM` or `ENOSPC` where there is none.
  package func prepare() throws(Errno) {
    try HookInput.allocate(writing, capacity)
  }

  private static func allocate(_ file: borrowing OwnedDescriptor, _ capacity: Int) throws(Errno) {
    let raw = file.raw
    // A file of no bytes cannot be asked for.
    _ = try retrying { Int(clinux_allocate(raw, max(capacity, 1))) }
  }

  /// Makes it hold `text`, cut at its capacity, to be read from the beginning.
  package func fill(_ text: Span<UInt8>) throws(Errno) {
    let length = min(text.count, capacity)
    try writing.rewind()
    try writing.write(text.extracting(0..<length))
    // Shorter than it was prepared: pages are given back, and none is taken.
    let raw = writing.raw
    _ = try retrying { Int(ftruncate(raw, off_t(length))) }
    try reading.rewind()
  }
}

/// The pipe that a program writes to.
package struct HookPipe: ~Copyable {
  private let reading: OwnedDescriptor
  // Above the standard ones.
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

  /// The descriptor to wait on: readable when something was written, or nobody writes any more.
  package var readingRaw: Int32 { reading.raw }

  /// Closes our writing end, without which the program's end would not be the pipe's.
  package mutating func closeWriting() {
    writing = nil
  }

  /// Reads what there is without waiting.
  ///
  /// - Returns: Bytes read; 0 where nobody writes any more.
  /// - Throws: `EAGAIN` where there is nothing yet.
  package func read(into buffer: inout [UInt8]) throws(Errno) -> Int {
    try reading.readNext(into: &buffer)
  }

  /// Makes this a program's output, and `input` its standard input.
  package func attach(_ program: inout ProgramStart, input: borrowing HookInput) {
    switch writing {
    case .some(let writing): program.setDescriptors(input: input.reading, output: writing)
    case .none: break
    }
  }
}
