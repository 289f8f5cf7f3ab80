import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// How far relief has come in a shortage.
struct ReliefCourse: Sendable {
  /// What the helper is at.
  enum Job: Equatable, Sendable {
    case high
    /// Of which of the policy's cgroups.
    case reclaim(Int)
  }

  /// It was begun in this shortage, and is not again before memory is back.
  var isBegun = false
  /// Of the shortage; the next one where none has begun yet.
  var episode: UInt32 = 0
  /// What the helper is to do next; nil where nothing is left.
  var next: Job?
  var job: Job?
  /// What the job asks for.
  var asked = KiB.zero
  /// When what was changed is put back; nil where nothing is changed.
  var highUntil: Nanoseconds?
  var frozenUntil: Nanoseconds?

  /// When there is something to undo.
  var due: Nanoseconds? {
    guard let highUntil else { return frozenUntil }
    return min(highUntil, frozenUntil ?? highUntil)
  }
}

/// What is tried before a process is killed, while the machine's memory is short and no process has to be: no kill
/// waits for it.
extension Agent where M: ~Copyable {
  private var isReliefReady: Bool {
    switch relief {
    case .some: true
    // What a dry run tells of could be done there.
    case .none: isRehearsal && machine.cgroupVersion == .v2
    }
  }

  /// Has the loop told when the helper is done with a job.
  mutating func takeUpRelief() {
    guard let descriptor = relief?.doneDescriptor else { return }
    try? loop.watchNews(descriptor, tag: Self.reliefTag)
  }

  /// Does what is due of relief: after the looks, so that no decision waits for it.
  @inline(never)
  mutating func tendRelief() {
    let wanted = policy.measures.relief
    guard wanted != Relief() || reliefCourse.isBegun || reliefCourse.due != nil, let verdict = system.verdict,
      isReliefReady
    else { return }
    let now = machine.now
    if let until = reliefCourse.highUntil, until <= now || wanted.high == nil { undo(.high, now) }
    if let until = reliefCourse.frozenUntil, until <= now || wanted.freeze == nil { undo(.freeze, now) }
    finishJob()
    if verdict.level == .calm {
      reliefCourse.isBegun = false
      reliefCourse.next = nil
    } else if !reliefCourse.isBegun, verdict.isShort {
      reliefCourse.isBegun = true
      // An episode begins when a trigger is confirmed: until then it is the next one.
      reliefCourse.episode = system.detector.isInEpisode ? verdict.episode : verdict.episode &+ 1
      reliefCourse.next = .high
      if let time = wanted.freeze, !verdict.acts { freezeWorst(verdict, for: time) }
    }
    // In a dry run each is over at once.
    while reliefCourse.job == nil, let next = reliefCourse.next { begin(next, wanted, verdict) }
  }

  /// Undoes all there is, when the agent stops.
  package mutating func endRelief() {
    let now = machine.now
    if reliefCourse.frozenUntil != nil { undo(.freeze, now) }
    if reliefCourse.highUntil != nil { undo(.high, now) }
    if reliefCourse.highUntil != nil {
      // The next start has its note, if this is in vain.
      relief?.settle()
      undo(.high, now)
    }
  }

  /// Thaws what relief has frozen, before a process is signalled: a frozen process acts on no signal but SIGKILL.
  mutating func thawForKill() {
    if reliefCourse.frozenUntil != nil { undo(.freeze, machine.now) }
  }

  // MARK: The helper's jobs

  private mutating func begin(_ job: ReliefCourse.Job, _ wanted: Relief, _ verdict: Verdict) {
    let policy = policy
    switch job {
    case .high:
      reliefCourse.next = .reclaim(0)
      if let high = wanted.high { lower(high, policy, verdict) }
    case .reclaim(let index):
      let missing = verdict.lines.release - verdict.reading.available
      guard index < Int(wanted.reclaim), missing > .zero else {
        reliefCourse.next = nil
        return
      }
      reliefCourse.next = .reclaim(index + 1)
      reliefCourse.asked = missing
      let cgroup = policy.bytes(policy.cgroups[index])
      reliefPath.fill(from: cgroup)
      if isRehearsal { return tell(.rehearsed, .reclaim, reliefPath, missing) }
      do throws(Errno) {
        try relief?.reclaim(missing, from: cgroup)
        reliefCourse.job = job
      } catch {
        tell(.failed(error), .reclaim, reliefPath, missing)
      }
    }
  }

  private mutating func lower(_ high: Relief.High, _ policy: CompiledPolicy, _ verdict: Verdict) {
    let cgroup = policy.bytes(policy.cgroups[Int(high.cgroup)])
    reliefPath.fill(from: cgroup)
    do throws(ReadFailure) {
      try machine.read(.usage, ofCgroup: cgroup, into: &cgroupBuffer)
    } catch {
      return tell(.failed(.noSuchFile), .high, reliefPath, nil)
    }
    guard let usage = (try? CgroupAmount(parsing: cgroupBuffer.bytes))?.amount else {
      return tell(.failed(.invalidArgument), .high, reliefPath, nil)
    }
    let limit = high.to.of(usage)
    // One that has next to nothing would only stand still.
    guard usage - limit >= system.settings.minimumFootprint.of(verdict.reading.total) else {
      return tell(.skipped, .high, reliefPath, limit)
    }
    if isRehearsal { return tell(.rehearsed, .high, reliefPath, limit) }
    do throws(Errno) {
      // With an earlier one still there, that one's time goes on.
      guard reliefCourse.highUntil == nil, try relief?.lower(cgroup, to: limit) == true else {
        return tell(.skipped, .high, reliefPath, limit)
      }
      reliefCourse.job = .high
      reliefCourse.asked = limit
      reliefCourse.highUntil = machine.now + high.duration
      tell(.began, .high, reliefPath, limit)
    } catch {
      tell(.failed(error), .high, reliefPath, limit)
    }
  }

  /// Takes note of a job that is done.
  private mutating func finishJob() {
    guard let job = reliefCourse.job, let result = relief?.result else { return }
    relief?.acknowledge()
    reliefCourse.job = nil
    let asked = reliefCourse.asked
    switch job {
    case .high:
      // Put back already, or begun as it was told.
      guard let reason = result.error, reliefCourse.highUntil != nil, let cgroup = relief?.cgroup(.high) else { return }
      tell(.failed(reason), .high, cgroup, asked)
      undo(.high, machine.now)
    case .reclaim(let index):
      let policy = policy
      // Of a policy that is no longer in force.
      guard index < Int(policy.measures.relief.reclaim) else { return }
      let took = Nanoseconds(result.nanoseconds)
      let outcome: ReliefOutcome =
        switch result.error {
        case nil: .done(took)
        case .some(.wouldBlock): .partial(took)
        case .some(let reason): .failed(reason)
        }
      reliefPath.fill(from: policy.bytes(policy.cgroups[index]))
      tell(outcome, .reclaim, reliefPath, asked)
    }
  }

  // MARK: Freezing and undoing

  /// Freezes the cgroup of the process that would be killed, if all in it may be killed: never the root, nor a cgroup
  /// in which process 1, the agent or a protected process is, or might be.
  private mutating func freezeWorst(_ verdict: Verdict, for time: Nanoseconds) {
    // Trouble that comes up meanwhile is what has to be seen to.
    guard surveyInPassing() else { return }
    let context = context(of: system)
    rank(in: 0, by: context, verdict.reading.time)
    var isPossible = false
    if let victim = chooser.ranking.shortlist.victim {
      chooser.picker.resolve(victim.process.identity, scope: .cgroup, from: chooser.ranking, context)
      if case .cgroup = chooser.picker.killSet.whole { isPossible = readCgroup(of: chooser.picker.killSet) }
    }
    if !isPossible { killSetCgroup.clear() }
    let path = killSetCgroup
    guard isPossible else { return tell(.skipped, .freeze, path, nil) }
    if isRehearsal { return tell(.rehearsed, .freeze, path, nil) }
    do throws(Errno) {
      guard reliefCourse.frozenUntil == nil, try relief?.freeze(path.bytes) == true else {
        return tell(.skipped, .freeze, path, nil)
      }
      reliefCourse.frozenUntil = machine.now + time
      tell(.began, .freeze, path, nil)
    } catch {
      tell(.failed(error), .freeze, path, nil)
    }
  }

  private mutating func undo(_ file: ReliefFile, _ now: Nanoseconds) {
    guard let cgroup = relief?.cgroup(file) else { return }
    let action: ReliefAction = file == .high ? .high : .freeze
    do throws(Errno) {
      guard try relief?.undo(file) == true else {
        reliefCourse.highUntil = now + AgentTiming.hookLook
        return
      }
      switch file {
      case .high: reliefCourse.highUntil = nil
      case .freeze: reliefCourse.frozenUntil = nil
      }
      tell(.undone, action, cgroup, nil)
    } catch {
      switch file {
      case .high: reliefCourse.highUntil = now + AgentTiming.undoing
      case .freeze: reliefCourse.frozenUntil = now + AgentTiming.undoing
      }
      tell(.failed(error), action, cgroup, nil)
    }
  }

  private mutating func tell(_ outcome: ReliefOutcome, _ action: ReliefAction, _ cgroup: ByteBuffer, _ value: KiB?) {
    reporter.report(ReliefEvent(action, outcome, cgroup: cgroup, value: value, episode: reliefCourse.episode))
  }

  /// Says where a policy that was read later asks for relief in vain.
  mutating func sayLostRelief() {
    guard policy.measures.relief != Relief(), !isReliefReady else { return }
    reporter.messages.say(
      .warning,
      isRehearsal
        ? "relief cannot be given: it needs cgroups of version 2"
        : "relief cannot be given: the policy at the start had none, or it could not be made ready; restart the agent")
  }
}
