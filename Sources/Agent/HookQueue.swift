import Ladder
import LinuxSystem
import Policy
import ProcModel
import Record

/// Of what a hook is told.
struct HookCause {
  var episode: UInt32
  /// The decision's number; 0 where there is none.
  var incident: UInt32 = 0
  /// The victim's process number; nil where there is none.
  var pid: Int32?
}

/// What a hook is told of, so that its exit can be told with it.
struct HookAbout: Sendable {
  /// Counts the hooks that were asked for, from 1.
  var ticket: UInt32 = 0
  var occasion = HookOccasion.warn
  /// The name of the one that was in trouble; empty for the system.
  var domain = ByteBuffer(capacity: 256)
  var cause = HookCause(episode: 0)
}

/// A program of the policy, where it stays from reload to reload.
final class HookHolder {
  var run: HookRun
  /// As in ``Command/words``.
  let words: [UInt8]
  let command: Command
  /// Of the run that is under way.
  var about = HookAbout()
  /// Whether the loop is told of its descriptors.
  var isWatched = false

  init(_ command: Command, _ words: Span<UInt8>) throws(Errno) {
    var list: [CPath] = []
    var word: [UInt8] = []
    var all: [UInt8] = []
    for index in words.indices {
      all.append(words[index])
      if words[index] != 0 {
        word.append(words[index])
      } else {
        list.append(CPath(word))
        word = []
      }
    }
    // An agent that is not root can run a program as no other user, and needs no permission to run it as its own.
    let isOwn = command.uid == OwnProcess.effectiveUID && command.uid != 0
    run = try HookRun(
      list, as: isOwn ? nil : Credentials(user: command.uid, group: command.gid), limit: command.limit,
      inputCapacity: HookQueue.inputCapacity)
    self.words = all
    self.command = command
  }

  func isOf(_ command: Command, _ words: Span<UInt8>) -> Bool {
    let own = self.words
    return command.uid == self.command.uid && command.gid == self.command.gid && command.limit == self.command.limit
      && words.equals(own.span)
  }
}

/// A hook that waits for its turn: one program is started at a time, and each runs once at a time.
private struct HookJob {
  var holder: HookHolder?
  var about = HookAbout()
  /// `NAME=value`, a NUL after each.
  var variables: [UInt8] = []
  var input = ByteBuffer(capacity: HookQueue.inputCapacity)

  init() {
    variables.reserveCapacity(HookQueue.variableCapacity)
  }
}

/// The programs that the policy's hooks start, ready to be started: words, pipes and places for what they are told are
/// there from the start or the reload on. Programs are started by a thread of their own, and never waited for.
package final class HookQueue {
  /// Bytes of a record's line that a hook is given; a longer line is cut.
  static let inputCapacity = 16 * 1024
  static let variableCapacity = 4096
  /// Hooks that wait for their turn. Each takes its input's room.
  private static let queueCapacity = 8

  /// Nil where no policy had a hook yet.
  private var helper: HelperThread?
  /// One for each of the policy's commands; nil where it could not be prepared.
  private var holders: [HookHolder?] = []
  /// Those under way.
  private(set) var running: [HookHolder] = []
  /// Those that could not be begun, and why, until that is told.
  var failed: [(holder: HookHolder, reason: Errno)] = []
  private var jobs: [HookJob] = []
  private var waiting = 0
  private var lastTicket: UInt32 = 0

  package init() {
    helper = nil
  }

  /// Makes ready what a policy starts. Programs that another policy had as well stay as they are; of those that it has
  /// not, what is under way goes on. Allocates: for the start and for reloads.
  func takeUp(_ policy: CompiledPolicy, _ messages: inout Messages) {
    var taken: [HookHolder?] = []
    var isHelpless = false
    for command in policy.commands {
      let words = policy.bytes(command.words)
      if let known = holder(of: command, words) {
        taken.append(known)
        continue
      }
      do throws(Errno) {
        if !isHelpless { try makeHelper() }
        taken.append(try HookHolder(command, words))
      } catch {
        isHelpless = helperDescriptor == nil
        taken.append(nil)
        messages.say(.error) { line in
          line.append("the hook ")
          line.append(visible: HookQueue.path(words))
          line.append(" cannot be made ready, and is never started: ")
          line.append(error.text)
        }
      }
    }
    holders = taken
    running.reserveCapacity(running.count + holders.count)
    failed.reserveCapacity(running.count + holders.count)
    if !holders.isEmpty {
      while jobs.count < HookQueue.queueCapacity { jobs.append(HookJob()) }
    }
  }

  private func makeHelper() throws(Errno) {
    if helperDescriptor == nil { helper = try HelperThread() }
  }

  /// The first of a command's words.
  @_lifetime(copy words)
  static func path(_ words: Span<UInt8>) -> Span<UInt8> {
    var length = 0
    while length < words.count, words[length] != 0 { length += 1 }
    return words.extracting(0..<length)
  }

  private func holder(of command: Command, _ words: Span<UInt8>) -> HookHolder? {
    for holder in holders {
      if let holder, holder.isOf(command, words) { return holder }
    }
    return nil
  }

  /// Readable when the helper has started a program, or failed to. Nil where there is no helper.
  var helperDescriptor: Int32? {
    switch helper {
    case .some(let helper): helper.doneDescriptor
    case .none: nil
    }
  }

  private var isHelperBusy: Bool {
    switch helper {
    case .some(let helper): helper.isBusy
    case .none: true
    }
  }

  /// Whether a hook runs, waits for its turn, or is to be told of.
  var isBusy: Bool { waiting > 0 || !running.isEmpty || !failed.isEmpty }

  /// Whether this hook has exited, or never began.
  func isOver(_ ticket: UInt32) -> Bool {
    for holder in running where holder.about.ticket == ticket { return false }
    for job in jobs where job.holder != nil && job.about.ticket == ticket { return false }
    return true
  }

  /// Puts a hook in the queue. Allocates nothing.
  ///
  /// - Parameters:
  ///   - recorder: Whose last line it is to read.
  ///   - variables: `NAME=value`, a NUL after each.
  /// - Returns: Its ticket; nil where it is none of the policy in force, or too many wait.
  func enqueue(
    _ command: Command, of policy: CompiledPolicy, _ occasion: HookOccasion, _ cause: HookCause,
    domain: ByteBuffer, reading recorder: borrowing Recorder, variables: [UInt8]
  ) -> UInt32? {
    guard let holder = holder(of: command, policy.bytes(command.words)) else { return nil }
    for index in jobs.indices where jobs[index].holder == nil {
      lastTicket &+= 1
      jobs[index].holder = holder
      jobs[index].about.ticket = lastTicket
      jobs[index].about.occasion = occasion
      jobs[index].about.domain.fill(from: domain.bytes)
      jobs[index].about.cause = cause
      jobs[index].input.fill(from: recorder.line)
      jobs[index].variables.removeAll(keepingCapacity: true)
      for byte in variables { jobs[index].variables.append(byte) }
      waiting += 1
      return lastTicket
    }
    return nil
  }

  /// Takes a hook out of the queue whose turn has not come. Whether it was there.
  func withdraw(_ ticket: UInt32) -> Bool {
    for index in jobs.indices where jobs[index].holder != nil && jobs[index].about.ticket == ticket {
      jobs[index].holder = nil
      waiting -= 1
      return true
    }
    return false
  }

  /// Takes note of what the helper has done.
  func acknowledge() {
    switch helper {
    case .some(let helper): helper.acknowledge()
    case .none: break
    }
  }

  /// Has the helper start the one that waits longest and whose program does not run, if the helper is free.
  func startNext(_ now: Nanoseconds) {
    guard waiting > 0, !isHelperBusy else { return }
    var next: Int?
    for index in jobs.indices {
      guard let holder = jobs[index].holder, !isUnderWay(holder) else { continue }
      if let found = next, jobs[found].about.ticket < jobs[index].about.ticket { continue }
      next = index
    }
    guard let next, let holder = jobs[next].holder else { return }
    jobs[next].holder = nil
    waiting -= 1
    // Changed for the one it had: both keep their room.
    swap(&holder.about, &jobs[next].about)
    setVariables(of: holder, from: next)
    let input = jobs[next].input
    do throws(Errno) {
      switch helper {
      case .some(let helper): try holder.run.begin(helper, input: input.bytes, now: now)
      case .none: throw .busy
      }
      running.append(holder)
    } catch {
      failed.append((holder, error))
    }
  }

  private func isUnderWay(_ holder: HookHolder) -> Bool {
    for other in running where other === holder { return true }
    for other in failed where other.holder === holder { return true }
    return false
  }

  private func setVariables(of holder: HookHolder, from job: Int) {
    holder.run.clearVariables()
    let variables = jobs[job].variables
    var start = 0
    for index in variables.indices where variables[index] == 0 {
      // One for which there is no room is left out.
      _ = holder.run.setVariable(variables.span.extracting(start..<index))
      start = index + 1
    }
  }

  /// Forgets one that is over.
  func remove(at index: Int) {
    running[index].isWatched = false
    running.remove(at: index)
  }

  /// When the first of those under way is to be looked at, whatever else happens. Nil where none is.
  func due(after now: Nanoseconds) -> Nanoseconds? {
    var due: Nanoseconds? = failed.isEmpty ? nil : now
    for holder in running {
      guard let deadline = holder.run.deadline else { continue }
      // Past it, it has been killed, and its exit wakes the loop; unless the loop could not be told of it.
      let next = holder.isWatched && deadline > now ? deadline : now + AgentTiming.hookLook
      due = min(due ?? next, next)
    }
    return due
  }
}
