package import LinuxSystem
import Policy
import ProcModel
import Record

/// The service manager is told how the agent is; what is not as it was asked for is said again and again.
extension Agent where M: ~Copyable {
  /// Of the process that keeps the policy. Beside that of the policy's files.
  static var keeperTag: UInt64 { EventLoop.firstFreeTag + 97 }

  /// Whether the agent is armed, and by which policy.
  var mode: AgentMode {
    AgentMode(isDryRun: isRehearsal, policy: policyName, rules: policy.rules.count)
  }

  /// What does not depend on memory, each time the loop gets on.
  mutating func tendSupervision(_ now: Nanoseconds) {
    supervision.feed(at: now)
    if supervision.isTimeToRepeat(now) { sayFallback() }
    keeper.giveUp(at: now)
    keepPolicy(now)
    tendRecord(now)
  }

  /// Starts the process that keeps the policy. While memory is short it waits: that takes some.
  private mutating func keepPolicy(_ now: Nanoseconds) {
    guard keeper.isDue else { return }
    for domain in domains where domain.isBusy { return }
    do throws(Errno) {
      try keeper.begin(loop, tag: Self.keeperTag, now: now)
    } catch {
      reporter.messages.say(
        .warning, "the policy in force cannot be kept for a start whose policy has a mistake", error)
    }
  }

  mutating func finishKeeping() {
    if !keeper.finish() {
      reporter.messages.say(
        .warning, "the policy in force could not be kept for a start whose policy has a mistake; see the message above")
    }
  }

  /// Says which fallback is in force, and that the agent is not armed though it should be.
  mutating func sayFallback() {
    let mode = mode
    let fallback = supervision.fallback
    let isDisarmed = supervision.isDisarmed
    guard fallback != nil || isDisarmed else { return }
    reporter.messages.say(.error) { line in
      line.append("NOT AS ASKED FOR: ")
      line.append(mode, fallback: fallback, isDisarmed: isDisarmed)
      line.append(fallback == nil ? "" : "; mend the policy: it is read again as soon as it changes")
    }
  }

  /// The policy that was asked for is in force now.
  mutating func leaveFallback() {
    let wasFallback = supervision.fallback != nil
    supervision.clearFallback()
    try? supervision.tell("", mode)
    guard wasFallback else { return }
    reporter.messages.say(.notice, "the policy that was asked for is in force again")
    if supervision.isDisarmed, !supervision.isManaged {
      reporter.messages.say(.error, "STILL IN DRY RUN although armed was asked for: restart the agent to arm it")
    }
  }

  /// Whether the agent has to stop for the service manager to start it again, armed.
  ///
  /// What arms it was never made, and what it would take was given up at the start. In a dry run nothing is lost
  /// meanwhile.
  func isTimeToArm(at now: Nanoseconds) -> Bool {
    guard supervision.isDisarmed, supervision.isManaged, supervision.fallback == nil else { return false }
    return keeper.isSettled(at: now)
  }

  /// Takes up the record's file once it can be opened.
  private mutating func tendRecord(_ now: Nanoseconds) {
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
      let lost = reporter.recorder.sink.lostLines()
      reporter.recorder.takeUp(file)
      reporter.messages.say(.notice) { line in
        line.append("the record file could be opened: it is written from here on; lines that were lost: ")
        line.append(decimal: lost)
      }
    case .none: break
    }
  }
}

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
  func wait(milliseconds: Int32) {
    opener.wait(milliseconds: milliseconds)
  }

  /// The file, where the first try comes to it within so many milliseconds.
  ///
  /// - Throws: Why not; `ETIMEDOUT` where it takes longer.
  mutating func first(within patience: Int32) throws(Errno) -> OwnedDescriptor {
    wait(milliseconds: patience)
    guard let file = try next(at: Nanoseconds(Clock.sinceBoot())) else { throw .timedOut }
    return file
  }

  /// - Returns: The file, once it is open.
  /// - Throws: Why a try came to nothing.
  mutating func next(at now: Nanoseconds) throws(Errno) -> OwnedDescriptor? {
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
