package import LinuxSystem
package import ProcModel

/// Opens the record's file again and again, until it can be opened.
package struct RecordOpening: ~Copyable {
  private let opener: FileOpener
  /// When to try again; nil while that is under way.
  private var retryAt: Nanoseconds?

  /// Between tries: a disk is full, or a folder missing, until a person has seen to it.
  private static let pause = Nanoseconds.milliseconds(60_000)

  /// Begins the first try.
  ///
  /// - Parameter creates: Whether the file is made where it is not there. With that, open(2) waits where the file
  ///   system is frozen, also for a file that is there.
  /// - Throws: Why no thread can be made for it.
  package init(_ path: borrowing CPath, creating creates: Bool) throws(Errno) {
    let options: OwnedDescriptor.OpenOptions = [.append, .noFollow]
    let opener = try FileOpener(path, .write, creates ? options.union(.create) : options)
    try opener.begin()
    self.opener = opener
  }

  /// Waits for the end of the try that is under way, so long at most. For a start: a loop never waits.
  package func wait(milliseconds: Int32) {
    opener.wait(milliseconds: milliseconds)
  }

  /// The file, where the first try comes to it within so many milliseconds.
  ///
  /// - Throws: Why not; `ETIMEDOUT` where it takes longer.
  package mutating func first(within patience: Int32) throws(Errno) -> OwnedDescriptor {
    wait(milliseconds: patience)
    guard let file = try next(at: Nanoseconds(Clock.sinceBoot())) else { throw .timedOut }
    return file
  }

  /// - Returns: The file, once it is open.
  /// - Throws: Why a try came to nothing.
  package mutating func next(at now: Nanoseconds) throws(Errno) -> OwnedDescriptor? {
    if let retryAt {
      guard now >= retryAt else { return nil }
      try opener.begin()
      self.retryAt = nil
    }
    do throws(Errno) {
      return try opener.take()
    } catch {
      retryAt = now + RecordOpening.pause
      throw error
    }
  }
}

extension Reporter {
  /// Takes up the record's file once it can be opened.
  package mutating func tendRecord(_ now: Nanoseconds) {
    guard recordOpening != nil else { return }
    let file: OwnedDescriptor?
    do throws(Errno) {
      file = try recordOpening?.next(at: now)
    } catch {
      return
    }
    switch consume file {
    case .some(let file):
      recordOpening = nil
      let lost = recorder.sink.lostLines()
      recorder.takeUp(file)
      messages.say(.notice) { line in
        line.append("the record file could be opened: it is written from here on; lines that were lost: ")
        line.append(decimal: lost)
      }
    case .none: break
    }
  }
}
