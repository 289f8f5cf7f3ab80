import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// Relief: what is tried before a process is killed, while the machine's memory is short and no process has to be. No
/// kill waits for it.
struct ReliefCourse: Sendable {
  /// What the helper is at.
  private enum Job: Equatable, Sendable {
    case high
    /// Of which of the policy's cgroups.
    case reclaim(Int)
  }

  /// It was begun in this shortage, and is not again before memory is back.
  private var isBegun = false
  /// Of the shortage; the next one where none has begun yet.
  private var episode: UInt32 = 0
  /// What the helper is to do next; nil where nothing is left.
  private var next: Job?
  private var job: Job?
  /// What the job asks for.
  private var asked = KiB.zero
  /// When what was changed is put back; nil where nothing is changed.
  private var highUntil: Nanoseconds?
  private var frozenUntil: Nanoseconds?
  private var path = ByteBuffer(capacity: 2048)
  private var usage = ByteBuffer(capacity: 64)

  /// When there is something to undo.
  var due: Nanoseconds? {
    guard let highUntil else { return frozenUntil }
    return min(highUntil, frozenUntil ?? highUntil)
  }

  // MARK: The policy

  /// Has the machine's wait told when the helper is done with a job.
  func takeUp<M: Machine & ~Copyable>(_ machine: inout M) {
    guard case .ready(let calls) = machine.relief else { return }
    try? machine.watch(calls.doneDescriptor, .news, tag: WakeTag.relief)
  }

  /// Says where a policy that was read later asks for relief in vain.
  func sayLost<M: Machine & ~Copyable>(of policy: CompiledPolicy, _ machine: borrowing M, _ reporter: inout Reporter) {
    guard policy.measures.relief != Relief(), case .missing = machine.relief else { return }
    reporter.messages.say(
      .warning,
      machine.cgroupVersion == .v2
        ? "relief cannot be given: the policy at the start had none, or it could not be made ready; restart the agent"
        : "relief cannot be given: it needs cgroups of version 2")
  }

  // MARK: The course

  /// Undoes what is due, and sees whether a shortage begins.
  ///
  /// - Parameters:
  ///   - verdict: The system's.
  ///   - isInEpisode: Whether a trigger of the system's is confirmed.
  /// - Returns: For how long the cgroup of the process that would be killed is to be frozen; nil where none is.
  @inline(never)
  mutating func begin<M: Machine & ~Copyable>(
    _ verdict: Verdict, isInEpisode: Bool, by policy: CompiledPolicy, _ machine: inout M, _ reporter: inout Reporter
  ) -> Nanoseconds? {
    let wanted = policy.measures.relief
    guard isConcerned(wanted, machine) else { return nil }
    let now = machine.now
    if let until = highUntil, until <= now || wanted.high == nil { undo(.high, &machine, &reporter) }
    if let until = frozenUntil, until <= now || wanted.freeze == nil { undo(.freeze, &machine, &reporter) }
    finishJob(by: policy, &machine, &reporter)
    if verdict.level == .calm {
      isBegun = false
      next = nil
    } else if !isBegun, verdict.isShort {
      isBegun = true
      // An episode begins when a trigger is confirmed: until then it is the next one.
      episode = isInEpisode ? verdict.episode : verdict.episode &+ 1
      next = .high
      return verdict.acts ? nil : wanted.freeze
    }
    return nil
  }

  /// Has the helper begin what is next, as far as it is free.
  ///
  /// - Parameter least: A cgroup that would lose less is left alone.
  mutating func advance<M: Machine & ~Copyable>(
    _ verdict: Verdict, by policy: CompiledPolicy, least: KiB, _ machine: inout M, _ reporter: inout Reporter
  ) {
    guard isConcerned(policy.measures.relief, machine) else { return }
    // In a dry run each is over at once.
    while job == nil, let next { begin(next, verdict, by: policy, least: least, &machine, &reporter) }
  }

  private func isConcerned<M: Machine & ~Copyable>(_ wanted: Relief, _ machine: borrowing M) -> Bool {
    if case .missing = machine.relief { return false }
    return wanted != Relief() || isBegun || due != nil
  }

  /// Freezes a cgroup: never the root, nor one in which process 1, the agent or a protected process is, or might be.
  ///
  /// - Parameter cgroup: Empty where there is none that may be frozen.
  mutating func freeze<M: Machine & ~Copyable>(
    _ cgroup: ByteBuffer, for time: Nanoseconds, _ machine: inout M, _ reporter: inout Reporter
  ) {
    guard cgroup.count > 0 else { return tell(.skipped, .freeze, cgroup, nil, &reporter) }
    switch machine.relief {
    case .missing: break
    case .rehearsed: tell(.rehearsed, .freeze, cgroup, nil, &reporter)
    case .ready(let calls):
      do throws(Errno) {
        guard frozenUntil == nil, try calls.freeze(cgroup.bytes) else {
          return tell(.skipped, .freeze, cgroup, nil, &reporter)
        }
        frozenUntil = machine.now + time
        tell(.began, .freeze, cgroup, nil, &reporter)
      } catch {
        tell(.failed(error), .freeze, cgroup, nil, &reporter)
      }
    }
  }

  /// Thaws what was frozen, before a process is signalled: a frozen process acts on no signal but SIGKILL.
  mutating func thaw<M: Machine & ~Copyable>(_ machine: inout M, _ reporter: inout Reporter) {
    if frozenUntil != nil { undo(.freeze, &machine, &reporter) }
  }

  /// Undoes all there is, when the agent stops.
  mutating func finish<M: Machine & ~Copyable>(_ machine: inout M, _ reporter: inout Reporter) {
    thaw(&machine, &reporter)
    if highUntil != nil { undo(.high, &machine, &reporter) }
    if highUntil != nil, case .ready(let calls) = machine.relief {
      // The next start has its note, if this is in vain.
      calls.settle()
      undo(.high, &machine, &reporter)
    }
  }

  // MARK: The helper's jobs

  private mutating func begin<M: Machine & ~Copyable>(
    _ job: Job, _ verdict: Verdict, by policy: CompiledPolicy, least: KiB, _ machine: inout M,
    _ reporter: inout Reporter
  ) {
    switch job {
    case .high:
      next = .reclaim(0)
      if let high = policy.measures.relief.high { lower(high, verdict, by: policy, least: least, &machine, &reporter) }
    case .reclaim(let index):
      let missing = verdict.lines.release - verdict.reading.available
      guard index < Int(policy.measures.relief.reclaim), missing > .zero else {
        next = nil
        return
      }
      next = .reclaim(index + 1)
      asked = missing
      path.fill(from: policy.bytes(policy.cgroups[index]))
      switch machine.relief {
      case .missing: break
      case .rehearsed: tell(.rehearsed, .reclaim, path, missing, &reporter)
      case .ready(let calls):
        do throws(Errno) {
          try calls.reclaim(missing, from: path.bytes)
          self.job = job
        } catch {
          tell(.failed(error), .reclaim, path, missing, &reporter)
        }
      }
    }
  }

  private mutating func lower<M: Machine & ~Copyable>(
    _ high: Relief.High, _ verdict: Verdict, by policy: CompiledPolicy, least: KiB, _ machine: inout M,
    _ reporter: inout Reporter
  ) {
    path.fill(from: policy.bytes(policy.cgroups[Int(high.cgroup)]))
    let cgroup = path
    do throws(ReadFailure) {
      try machine.read(.usage, ofCgroup: cgroup.bytes, into: &usage)
    } catch {
      return tell(.failed(.noSuchFile), .high, cgroup, nil, &reporter)
    }
    guard let usage = (try? CgroupAmount(parsing: usage.bytes))?.amount else {
      return tell(.failed(.invalidArgument), .high, cgroup, nil, &reporter)
    }
    let limit = high.to.of(usage)
    // One that has next to nothing would only stand still.
    guard usage - limit >= least else { return tell(.skipped, .high, cgroup, limit, &reporter) }
    switch machine.relief {
    case .missing: break
    case .rehearsed: tell(.rehearsed, .high, cgroup, limit, &reporter)
    case .ready(let calls):
      do throws(Errno) {
        // With an earlier one still there, that one's time goes on.
        guard highUntil == nil, try calls.lower(cgroup.bytes, to: limit) else {
          return tell(.skipped, .high, cgroup, limit, &reporter)
        }
        job = .high
        asked = limit
        highUntil = machine.now + high.duration
        tell(.began, .high, cgroup, limit, &reporter)
      } catch {
        tell(.failed(error), .high, cgroup, limit, &reporter)
      }
    }
  }

  /// Takes note of a job that is done.
  private mutating func finishJob<M: Machine & ~Copyable>(
    by policy: CompiledPolicy, _ machine: inout M, _ reporter: inout Reporter
  ) {
    guard let job, case .ready(let calls) = machine.relief, let result = calls.result else { return }
    calls.acknowledge()
    self.job = nil
    switch job {
    case .high:
      // Put back already, or begun as it was told.
      guard let reason = result.error, highUntil != nil else { return }
      tell(.failed(reason), .high, calls.cgroup(.high), asked, &reporter)
      undo(.high, &machine, &reporter)
    case .reclaim(let index):
      // Of a policy that is no longer in force.
      guard index < Int(policy.measures.relief.reclaim) else { return }
      let took = Nanoseconds(result.nanoseconds)
      let outcome: ReliefOutcome =
        switch result.error {
        case nil: .done(took)
        case .some(.wouldBlock): .partial(took)
        case .some(let reason): .failed(reason)
        }
      path.fill(from: policy.bytes(policy.cgroups[index]))
      tell(outcome, .reclaim, path, asked, &reporter)
    }
  }

  private mutating func undo<M: Machine & ~Copyable>(
    _ file: ReliefFile, _ machine: inout M, _ reporter: inout Reporter
  ) {
    guard case .ready(let calls) = machine.relief else { return }
    let action: ReliefAction = file == .high ? .high : .freeze
    let cgroup = calls.cgroup(file)
    do throws(Errno) {
      guard try calls.undo(file) else {
        highUntil = machine.now + AgentTiming.hookLook
        return
      }
      setUndone(file, at: nil)
      tell(.undone, action, cgroup, nil, &reporter)
    } catch {
      setUndone(file, at: machine.now + AgentTiming.undoing)
      tell(.failed(error), action, cgroup, nil, &reporter)
    }
  }

  private mutating func setUndone(_ file: ReliefFile, at time: Nanoseconds?) {
    switch file {
    case .high: highUntil = time
    case .freeze: frozenUntil = time
    }
  }

  private func tell(
    _ outcome: ReliefOutcome, _ action: ReliefAction, _ cgroup: ByteBuffer, _ value: KiB?, _ reporter: inout Reporter
  ) {
    reporter.report(ReliefEvent(action, outcome, cgroup: cgroup, value: value, episode: episode))
  }
}
