import LinuxSystem
import Policy
import ProcModel
import Record

/// The policy's files: compiled again when they change, and kept for a start whose policy has a mistake.
package struct ReloadCourse: ~Copyable {
  package var reloader: Reloader
  package var keeper: PolicyKeeper

  /// Between looks whether memory has come back, while files wait to be read.
  private static let look = Nanoseconds.milliseconds(1000)

  package init(_ reloader: consuming Reloader, _ keeper: consuming PolicyKeeper = PolicyKeeper()) {
    self.reloader = reloader
    self.keeper = keeper
  }

  /// Has the kernel tell when the policy's files change. Where it does not, SIGHUP tells.
  mutating func watchFiles<M: Machine & ~Copyable>(_ machine: inout M, _ reporter: inout Reporter) {
    do throws(Errno) {
      try reloader.watchFiles(&machine)
    } catch {
      reporter.messages.say(.warning, "the policy's files are not watched: a change counts after SIGHUP", error)
    }
  }

  mutating func takeChanges(at now: Nanoseconds) { reloader.takeChanges(at: now) }

  /// Whether files changed and have been left alone since.
  func wantsReload(at now: Nanoseconds) -> Bool {
    guard let due = reloader.due else { return false }
    return due <= now && !reloader.isBusy
  }

  /// When it is time for that, or to ask again.
  func due(after now: Nanoseconds) -> Nanoseconds? {
    guard let due = reloader.due else { return nil }
    return due > now ? due : now + ReloadCourse.look
  }

  /// Gives up what takes too long.
  mutating func giveUp<M: Machine & ~Copyable>(_ machine: borrowing M) {
    reloader.giveUp(at: machine.awake)
    keeper.giveUp(at: machine.now)
  }

  /// Starts the process that keeps the policy, where there is one to be kept. It takes some memory.
  mutating func keep<M: Machine & ~Copyable>(_ machine: inout M, _ reporter: inout Reporter) {
    guard keeper.isDue else { return }
    do throws(Errno) {
      try keeper.begin(&machine, at: machine.now)
    } catch {
      reporter.messages.say(
        .warning, "the policy in force cannot be kept for a start whose policy has a mistake", error)
    }
  }

  mutating func finishKeeping(_ reporter: inout Reporter) {
    if !keeper.finish() {
      reporter.messages.say(
        .warning, "the policy in force could not be kept for a start whose policy has a mistake; see the message above")
    }
  }
}
