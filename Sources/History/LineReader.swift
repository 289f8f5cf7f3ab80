package import LinuxSystem
import ProcModel

/// Reads a file or a pipe line by line through one buffer: no file is ever held whole.
package struct LineReader: ~Copyable {
  /// Bytes that one read asks for.
  private static let chunk = 64 * 1024
  /// A longer line is passed over: no line that counts is nearly as long.
  package static let longest = 1024 * 1024

  private var buffer = [UInt8](repeating: 0, count: LineReader.chunk)
  private var start = 0
  private var end = 0
  /// The beginning of a line whose end is in the next chunk.
  private var carried: [UInt8] = []
  private var isPassingOver = false

  /// The number of the line that was read last, from 1.
  package private(set) var number: UInt64 = 0
  /// The number of bytes that were read.
  package private(set) var bytesRead: UInt64 = 0
  /// Lines that were passed over because they are too long.
  package private(set) var passedOver: UInt64 = 0
  /// Whether the line that was read last had no newline: it is the file's last, and may be written on.
  package private(set) var isUnfinished = false

  package init() {}

  /// Reads on to the end.
  ///
  /// - Parameters:
  ///   - file: From its current position.
  ///   - isWatched: Called after each read.
  ///   - body: Receives each line without its newline, and returns whether to go on.
  /// - Throws: Why reading failed.
  package mutating func read(
    _ file: borrowing OwnedDescriptor, progress: (UInt64) -> Void = { _ in }, _ body: (Span<UInt8>, UInt64) -> Bool
  ) throws(Errno) {
    while true {
      let count = try file.readNext(into: &buffer)
      guard count > 0 else { break }
      (start, end) = (0, count)
      bytesRead += UInt64(count)
      progress(UInt64(count))
      guard takeLines(body) else { return }
    }
    // What is left has no newline.
    if !carried.isEmpty || isPassingOver {
      number += 1
      isUnfinished = true
      if isPassingOver { passedOver += 1 } else { _ = body(carried.span, number) }
      carried.removeAll(keepingCapacity: true)
      isPassingOver = false
    }
  }

  /// Reads what was appended since, as the tool follows a file. A line without a newline is kept for the next time.
  package mutating func readAppended(
    _ file: borrowing OwnedDescriptor, _ body: (Span<UInt8>, UInt64) -> Bool
  ) throws(Errno) {
    while true {
      let count = try file.readNext(into: &buffer)
      guard count > 0 else { return }
      (start, end) = (0, count)
      bytesRead += UInt64(count)
      guard takeLines(body) else { return }
    }
  }

  /// Gives the lines that end in the buffer.
  private mutating func takeLines(_ body: (Span<UInt8>, UInt64) -> Bool) -> Bool {
    while start < end {
      guard let newline = LineReader.newline(in: buffer.span.extracting(start..<end)) else {
        keep(start..<end)
        return true
      }
      let line = start..<start + newline
      start += newline + 1
      number += 1
      if isPassingOver {
        isPassingOver = false
        passedOver += 1
        carried.removeAll(keepingCapacity: true)
      } else if carried.isEmpty {
        guard body(buffer.span.extracting(line), number) else { return false }
      } else {
        keep(line)
        guard !isPassingOver else {
          isPassingOver = false
          passedOver += 1
          continue
        }
        let goesOn = body(carried.span, number)
        carried.removeAll(keepingCapacity: carried.count <= LineReader.chunk)
        guard goesOn else { return false }
      }
    }
    return true
  }

  private mutating func keep(_ range: Range<Int>) {
    guard !isPassingOver else { return }
    guard carried.count + range.count <= LineReader.longest else {
      isPassingOver = true
      carried.removeAll(keepingCapacity: false)
      return
    }
    carried.append(contentsOf: buffer[range])
  }

  private static func newline(in text: Span<UInt8>) -> Int? {
    var index = 0
    // Eight at a time: most lines of a record are thousands of bytes long.
    while index + 8 <= text.count {
      let isHere =
        (text[index] == .newline) || (text[index + 1] == .newline) || (text[index + 2] == .newline)
        || (text[index + 3] == .newline) || (text[index + 4] == .newline) || (text[index + 5] == .newline)
        || (text[index + 6] == .newline) || (text[index + 7] == .newline)
      if isHere { break }
      index += 8
    }
    while index < text.count {
      if text[index] == .newline { return index }
      index += 1
    }
    return nil
  }
}
