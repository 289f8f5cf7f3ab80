package import LinuxSystem

/// How lines get out.
enum LineWay: ~Copyable {
  case nowhere
  /// To a file that cannot be opened yet: all lines are lost.
  case missing
  /// By the caller itself, who may wait for the file.
  case direct(OwnedDescriptor)
  case socket(OwnedDescriptor)
  /// To a socket that takes each line as one message.
  case datagrams(DatagramSocket)
  /// By a process of its own.
  case writer(LineWriter)
}

/// Where lines go: records, messages, or the kernel's log. What does not get out is counted, and the count is for one
/// of the next lines to tell.
package struct LineSink: ~Copyable {
  private var way: LineWay
  /// Lines that are lost and of which nothing that is on its way tells.
  private var untold: UInt64 = 0
  /// Lines lost since the beginning.
  private var lostInAll: UInt64 = 0
  /// Of the writer's failures, those that are in ``untold``.
  private var countedFailures: UInt64 = 0
  /// Why the last that was lost was.
  package private(set) var reason = Errno.wouldBlock
  /// Whether what is out ends in the middle of a line; of a writer it is the writer that knows.
  private var isTorn: Bool
  /// Whether it was told that lines are lost.
  private var isTold = false
  /// Whether it was told that the file cannot be followed by a new one.
  private var isGrowthTold = false
  /// Milliseconds that a direct write waits for a reader, until it has waited in vain.
  private var patience: Int32

  /// - Parameters:
  ///   - file: Nil takes all lines and lets them fall.
  ///   - patience: Milliseconds that a line waits for a reader, while the sink has not been detached. A regular file is
  ///     waited for as long as it takes.
  ///   - isTorn: Whether the file ends in the middle of a line.
  package init(_ file: consuming OwnedDescriptor?, patience: Int32 = 0, isTorn: Bool = false) {
    switch consume file {
    case .some(let file): way = file.taking == .socket ? .socket(file) : .direct(file)
    case .none: way = .nowhere
    }
    self.patience = patience
    self.isTorn = isTorn
  }

  /// - Parameter socket: Takes each line as one message, without its newline.
  package init(datagrams socket: consuming DatagramSocket) {
    way = .datagrams(socket)
    patience = 0
    isTorn = false
  }

  /// Counts all lines as lost from here on.
  package mutating func lose() {
    way = .missing
    reason = .noSuchFile
    // That the file could not be opened was said then.
    isTold = true
  }

  /// Writes to `file` from here on.
  package mutating func attach(_ file: consuming OwnedDescriptor) {
    way = file.taking == .socket ? .socket(file) : .direct(file)
  }

  /// Has lines written by a process of its own from here on, where the file is one that can make its writer wait.
  ///
  /// - Parameters:
  ///   - size: Bytes of memory, a number of pages.
  ///   - name: What the process is called.
  ///   - bound: What the file may hold; nil where it may grow.
  /// - Throws: Why there is no such process; lines go out as before.
  package mutating func detach(size: Int, name: borrowing CPath, bound: FileBound? = nil) throws(Errno) {
    let made: LineWriter
    switch way {
    case .direct(let file):
      if file.taking == .null { return }
      made = try LineWriter(to: file.raw, size: size, name: name, bound: bound)
    default: return
    }
    if isTorn {
      // An empty line ends the one that was cut.
      _ = made.put([UInt8(ascii: "\n")].span, owed: 0)
      isTorn = false
    }
    way = .writer(made)
  }

  /// Lines that are lost and of which nothing that is on its way tells.
  package mutating func untoldLines() -> UInt64 {
    count()
    return untold
  }

  /// Lines lost since the beginning.
  package mutating func lostLines() -> UInt64 {
    count()
    return lostInAll
  }

  /// Writes a line, with its newline.
  ///
  /// - Parameters:
  ///   - told: How many lost lines it tells of.
  ///   - isNotice: Whether it does nothing else, and so is no loss itself.
  /// - Returns: Whether it is out, or on its way.
  @discardableResult
  package mutating func put(_ line: [UInt8], telling told: UInt64 = 0, isNotice: Bool = false) -> Bool {
    count()
    let own: UInt64 = isNotice ? 0 : 1
    if let reason = write(line.span, owed: told + own) {
      self.reason = reason
      untold += own
      lostInAll += own
      return false
    }
    untold -= min(told, untold)
    return true
  }

  /// Why lines are lost, once each time that begins. It is over when a line is out that tells of all.
  package mutating func news() -> Errno? {
    let isThrough = isEmpty
    count()
    if untold == 0, isThrough { isTold = false }
    guard untold > 0, !isTold else { return nil }
    isTold = true
    return reason
  }

  /// Why the file grows beyond its bound, once each time that begins.
  package mutating func newsOfGrowth() -> Errno? {
    var failure: Errno?
    switch way {
    case .writer(let writer): failure = writer.rotationFailure
    default: break
    }
    defer { isGrowthTold = failure != nil }
    return isGrowthTold ? nil : failure
  }

  /// Whether all lines are out or lost.
  package var isEmpty: Bool {
    switch way {
    case .writer(let writer): writer.isEmpty
    default: true
    }
  }

  /// Waits until all lines are out or lost, for so long at most.
  package func wait(milliseconds: Int32) {
    switch way {
    case .writer(let writer): writer.wait(milliseconds: milliseconds)
    default: break
    }
  }

  /// Takes note of what the writer could not write.
  private mutating func count() {
    switch way {
    case .writer(let writer):
      let failures = writer.failures
      guard failures > countedFailures else { return }
      reason = writer.lastReason
      untold += failures - countedFailures
      lostInAll += failures - countedFailures
      countedFailures = failures
    default: break
    }
  }

  /// Nil, or why it is not out.
  private mutating func write(_ line: Span<UInt8>, owed: UInt64) -> Errno? {
    var torn = isTorn
    let reason: Errno?
    switch way {
    case .nowhere: return nil
    case .missing: return .noSuchFile
    case .writer(let writer): return writer.put(line, owed: owed)
    case .datagrams(let socket): return LineSink.send(line, to: socket)
    case .socket(let socket): reason = LineSink.send(line, to: socket, &torn)
    case .direct(let file): reason = LineSink.write(line, to: file, patience, &torn)
    }
    isTorn = torn
    // There was no reader for as long as one is waited for: the next line does not wait as well.
    if reason == .wouldBlock { patience = 0 }
    return reason
  }

  private static func send(_ line: Span<UInt8>, to socket: borrowing DatagramSocket) -> Errno? {
    do throws(Errno) {
      try socket.send(line)
      return nil
    } catch {
      return error
    }
  }

  private static func send(_ line: Span<UInt8>, to socket: borrowing OwnedDescriptor, _ isTorn: inout Bool) -> Errno? {
    do throws(Errno) {
      if isTorn, try socket.send([UInt8(ascii: "\n")].span) == 0 { return .wouldBlock }
      isTorn = false
      let sent = try socket.send(line)
      isTorn = sent > 0 && sent < line.count
      return sent < line.count ? .wouldBlock : nil
    } catch {
      return error
    }
  }

  private static func write(
    _ line: Span<UInt8>, to file: borrowing OwnedDescriptor, _ patience: Int32, _ isTorn: inout Bool
  ) -> Errno? {
    do throws(Errno) {
      if isTorn, try file.writeUnlessFull([UInt8(ascii: "\n")].span, patience: patience) == 0 { return .wouldBlock }
      isTorn = false
      let written = try file.writeUnlessFull(line, patience: patience)
      isTorn = written > 0 && written < line.count
      return written < line.count ? .wouldBlock : nil
    } catch {
      // A write that failed on its way may have left something.
      isTorn = true
      return error
    }
  }
}

extension OwnedDescriptor {
  /// Writes in pieces that a pipe takes whole, and gives up on a reader that does not read.
  ///
  /// - Parameter patience: Milliseconds that each piece waits for the reader.
  /// - Returns: Bytes written: fewer than there are where a piece would have had to wait for longer.
  @discardableResult
  package func writeUnlessFull(_ bytes: Span<UInt8>, patience: Int32 = 0) throws(Errno) -> Int {
    // PIPE_BUF on Linux (pipe(7)): as much as a pipe that is ready takes without waiting.
    let piece = 4096
    var start = 0
    while start < bytes.count {
      guard becomesWritable(milliseconds: patience) else { break }
      let end = min(start + piece, bytes.count)
      try write(bytes.extracting(start..<end))
      start = end
    }
    return start
  }
}
