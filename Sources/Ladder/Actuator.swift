package import LinuxSystem
package import ProcModel

/// Whether a chosen process is still the one that was chosen.
package enum Hold: Equatable, Sendable {
  case held
  /// It ended before it could be held.
  case vanished
  /// Its number belongs to another process now.
  case changed
  /// The kernel refused, for this reason.
  case refused(Errno)
}

/// What became of a signal.
package enum Delivery: Equatable, Sendable {
  case sent
  /// Nothing was sent: this is a rehearsal.
  case rehearsed
  case vanished
  case refused(Errno)
}

/// The hand at the foot of the ladder: the one place at which a dry run differs from a real one.
package protocol Actuator: ~Copyable {
  /// Takes hold of a process, and makes sure that it is the one meant.
  mutating func hold(_ identity: ProcessIdentity) -> Hold
  /// Signals the process held.
  mutating func send(_ signal: Signal) -> Delivery
  /// Whether the process held has ended.
  var hasExited: Bool { get }
  /// A descriptor that becomes readable when the process held ends.
  var exitDescriptor: Int32? { get }
  /// Lets go of it.
  mutating func release()
  /// A further hand, which holds nobody yet.
  func another() throws(Errno) -> Self
}

/// Ends processes.
///
/// A process is held by a pidfd, and its start time is read *after* the pidfd was opened: if that is the chosen one's,
/// the pidfd is too, and no other process can ever receive the signal.
package struct LiveActuator: Actuator, ~Copyable {
  private let proc: OwnedDescriptor
  private var path = CPath("")
  private var buffer = ByteBuffer(capacity: 1024)
  private var handle: ProcessHandle?

  /// - Parameter proc: The live proc file system's root.
  package init(proc: consuming OwnedDescriptor) {
    self.proc = proc
    handle = nil
  }

  package mutating func hold(_ identity: ProcessIdentity) -> Hold {
    handle = nil
    do throws(Errno) {
      let candidate = try ProcessHandle(pid: identity.pid)
      path.set(pid: identity.pid, file: ProcessFile.stat.path)
      let file = try proc.open(path, .read)
      buffer.count = try file.read(into: &buffer.storage, at: 0)
      guard let stat = try? ProcessStat(parsing: buffer.bytes), stat.startTime == identity.startTime else {
        return .changed
      }
      // A zombie takes signals and is none the worse for them.
      if candidate.hasExited { return .vanished }
      handle = consume candidate
      return .held
    } catch {
      return error == .noSuchProcess || error == .noSuchFile ? .vanished : .refused(error)
    }
  }

  package mutating func send(_ signal: Signal) -> Delivery {
    switch handle {
    case .some(let handle):
      do throws(Errno) {
        try handle.send(signal)
        return .sent
      } catch {
        return error == .noSuchProcess ? .vanished : .refused(error)
      }
    case .none:
      return .vanished
    }
  }

  package var hasExited: Bool {
    switch handle {
    case .some(let handle): handle.hasExited
    case .none: true
    }
  }

  package var exitDescriptor: Int32? {
    switch handle {
    case .some(let handle): handle.descriptor.raw
    case .none: nil
    }
  }

  package mutating func release() {
    handle = nil
  }

  package func another() throws(Errno) -> LiveActuator {
    LiveActuator(proc: try OwnedDescriptor.duplicate(proc.raw))
  }
}

/// Ends nobody.
package struct RehearsalActuator: Actuator, ~Copyable {
  package init() {}

  package mutating func hold(_ identity: ProcessIdentity) -> Hold { .held }
  package mutating func send(_ signal: Signal) -> Delivery { .rehearsed }
  package var hasExited: Bool { false }
  package var exitDescriptor: Int32? { nil }
  package mutating func release() {}
  package func another() -> RehearsalActuator { RehearsalActuator() }
}
