package import LinuxSystem
package import ProcModel

/// Kills the processes of one kill set: holds them, signals them, and watches them until they exit.
///
/// Without kill calls it holds and signals none, and answers that a signal is *rehearsed*: the one place at which a dry
/// run differs from a real one.
///
/// Each process is held by a pidfd, and its start time is read *after* the pidfd was opened: if that is the chosen
/// one's, the pidfd is too, and no other process can ever receive the signal.
package struct Killer<Calls: KillCalls>: ~Copyable {
  /// Processes that a kill set has at most.
  package static var capacity: Int { HelperThread.capacity }
  /// Processes that a further killer's kill set has at most: there may be one for each domain.
  package static var furtherCapacity: Int { 64 }

  let calls: Calls?
  private var path = CPath("")
  /// What is asked of `status` is in its first KiB, unless its user has hundreds of groups.
  private var buffer = ByteBuffer(capacity: 2048)
  /// The leader first. Of fixed size, so that a decision allocates nothing.
  var members: [Member]
  var count = 0
  /// Where the first that lives was found last.
  private var living = 0
  /// The member that leads the process group that may go whole.
  var groupLeader: Int?
  var cgroup: CgroupDirectory?
  /// What the service manager is told, where the cgroup is a unit's own.
  package internal(set) var unitMark = UnitMark.none
  private var wasKilled = false
  private var hasStaged = false
  package internal(set) var reach = DeliveryCount()

  struct Member {
    var pid: Int32
    /// Its pidfd.
    var process: Int32
    var hasExited = false
    /// Whether giving its memory back was asked for.
    var isStaged = false
  }

  // What giving memory back came to so far, and how often it was asked for.
  private var tally = HelperResult()
  private var releases = 0
  private var isReleasing = false
  /// A memory that is shared or being changed may come free with the next exit, so it is asked for again.
  private static var maximumReleases: Int { 10 }

  // Who was in the cgroup, twice: see ``sweepOnce(_:_:_:isDone:)``.
  var before: ProcessList
  var after: ProcessList
  var swept: [Int32]
  /// Those in the kill set's cgroup that stay: it counts as empty without them.
  var staying: ProcessList
  /// Whether the cgroup is to be thawed once more, because that failed.
  var owesThaw = false

  /// - Parameters:
  ///   - calls: Nil in a dry run.
  ///   - capacity: Processes that it holds at most, at 48 bytes each.
  package init(calls: Calls?, capacity: Int = Killer.capacity) {
    self.calls = calls
    members = [Member](repeating: Member(pid: 0, process: -1), count: capacity)
    swept = [Int32](repeating: -1, count: capacity)
    before = ProcessList(capacity: capacity)
    after = ProcessList(capacity: capacity)
    staying = ProcessList(capacity: capacity)
    cgroup = nil
  }

  deinit {
    if let calls { for index in 0..<count { calls.close(members[index].process) } }
  }

  /// Lets go of the last kill set, takes hold of a process as the leader of a new one, and makes sure that it is the
  /// one meant.
  package mutating func hold(_ identity: ProcessIdentity) -> Hold {
    release()
    return join(identity)
  }

  /// Takes hold of one more.
  ///
  /// - Returns: Also `refused(.tooManyFiles)` where the kill set is full.
  package mutating func join(_ identity: ProcessIdentity) -> Hold {
    guard let calls else { return .held }
    guard count < members.count else { return .refused(.tooManyFiles) }
    do throws(Errno) {
      let process = try calls.open(identity.pid)
      let hold = check(process, identity, calls)
      if hold == .held {
        members[count] = Member(pid: identity.pid, process: process)
        count += 1
      } else {
        calls.close(process)
      }
      return hold
    } catch {
      return error == .noSuchProcess ? .vanished : .refused(error)
    }
  }

  /// Whether an open pidfd is of the process meant, and that lives.
  private mutating func check(_ process: Int32, _ identity: ProcessIdentity, _ calls: Calls) -> Hold {
    do throws(Errno) {
      try calls.read(.stat, of: identity.pid, path: &path, into: &buffer)
      guard let stat = try? ProcessStat(parsing: buffer.bytes), stat.startTime == identity.startTime else {
        return .changed
      }
      // A zombie takes signals and is none the worse for them.
      return calls.hasExited(process) ? .vanished : .held
    } catch {
      return error == .noSuchProcess || error == .noSuchFile ? .vanished : .refused(error)
    }
  }

  /// Says that the whole of a process group may go, which a member leads: a signal then reaches those too that it forks
  /// meanwhile. Where no member leads it, nothing comes of it.
  package mutating func takeGroup(_ number: Int32) {
    groupLeader = nil
    for index in 0..<count where members[index].pid == number { groupLeader = index }
  }

  /// Gives the kill set a cgroup that may go whole, so that SIGKILL kills every process that is in it, or comes into
  /// it.
  ///
  /// - Parameter isUnit: Whether it is the cgroup of a service or scope, which the service manager watches.
  package mutating func take(_ cgroup: consuming CgroupDirectory, isUnit: Bool = false) {
    guard let calls else { return }
    self.cgroup = .some(cgroup)
    unitMark = isUnit && calls.marksUnits ? .wanted : .none
  }

  /// Signals the kill set. A process that has exited meanwhile is no failure.
  ///
  /// What may go whole is listed at this time, and each process in it that is no member is asked about: only where all
  /// of them may go is it signalled in one step, and else the members and those that may go, one by one.
  ///
  /// - Parameter ask: What is to be done with the process that has this number. It reads what it tells from the
  ///   process's own files, which the killer checks to have been of the process it then signals.
  package mutating func send(_ signal: Signal, asking ask: (Int32) -> Clearance) -> Delivery {
    guard let calls else { return .rehearsed }
    reach = DeliveryCount()
    if signal != .kill { markUnit(calls, ask) }
    // In one step, before one's exit can make another start more, and with those that were born since the survey: of a
    // fork bomb whose members got SIGTERM one by one, one escaped each time and made a hundred again.
    let isOfGroup = sendToGroup(signal, calls, ask)
    if isOfGroup { reach.isWhole = true } else { sweepGroup(signal, calls, ask) }
    if signal == .kill {
      wasKilled = true
      killCgroup(calls, ask)
    }
    for index in 0..<count {
      if signal == .kill { hasten(index, calls) }
      if isOfGroup, signal != .kill {
        followUp(signal, members[index].process, calls)
      } else {
        deliver(signal, to: members[index].process, calls)
      }
    }
    if signal != .kill { sweepCgroup(signal, calls, ask, rounds: 1) }
    countKills(calls)
    return reach.delivery
  }

  /// Dying is work, and beside processes that are busy it takes its turn. Beside eight of them on two processors a
  /// victim of 64 MiB took 96 ms to die, and 18 with this; 28 and 11 where its memory was released as well. Of 256 MiB
  /// and at nice 19, nine in ten took less than 771 and 278 ms, or 468 and 104 (medians and ninth deciles of 20).
  private mutating func hasten(_ index: Int, _ calls: Calls) {
    // A refusal costs nothing but time.
    let member = members[index]
    if !calls.hasExited(member.process) { try? calls.hasten(member.pid, member.process, path: &path) }
  }

  /// What comes after a signal that a member got with its group: twice it could mean more to it than once.
  private mutating func followUp(_ signal: Signal, _ process: Int32, _ calls: Calls) {
    if calls.hasExited(process) {
      reach.vanished += 1
    } else {
      reach.sent += 1
      resume(process, after: signal, calls)
    }
  }

  /// A stopped process acts on no signal but these two. One that runs gets SIGCONT in vain, unless it asks for it:
  /// systemd does the same after each SIGTERM (systemd.kill(5)). The first signal has arrived whatever comes of it.
  private func resume(_ process: Int32, after signal: Signal, _ calls: Calls) {
    if signal != .kill, signal != .resume { try? calls.send(.resume, to: process) }
  }

  mutating func deliver(_ signal: Signal, to process: Int32, _ calls: Calls) {
    do throws(Errno) {
      try calls.send(signal, to: process)
      reach.sent += 1
      resume(process, after: signal, calls)
    } catch .noSuchProcess {
      reach.vanished += 1
    } catch {
      reach.refused += 1
      if reach.refusal == nil { reach.refusal = error }
    }
  }

  /// Whether every process of the kill set has exited.
  package var hasExited: Bool {
    mutating get {
      guard let calls else { return false }
      return firstLiving(calls) == nil && isCgroupEmpty()
    }
  }

  /// A descriptor that becomes readable when one of those that still live exits; nil when none does.
  package var exitDescriptor: Int32? {
    mutating get {
      guard let calls else { return nil }
      return firstLiving(calls).map { index in members[index].process }
    }
  }

  private mutating func firstLiving(_ calls: Calls) -> Int? {
    while living < count {
      if !members[living].hasExited, !calls.hasExited(members[living].process) { return living }
      members[living].hasExited = true
      living += 1
    }
    return nil
  }

  /// After SIGKILL: kills what has come into the kill set's cgroup since and may go, and has the memory of the dying
  /// given back. May be called as often as one likes.
  package mutating func reap(asking ask: (Int32) -> Clearance) {
    thawOwed()
    guard let calls, wasKilled, !hasExited else { return }
    collectReleased(calls)
    guard !isReleasing else { return }
    if releases < Self.maximumReleases { stageMembers(calls) }
    sweepAgain(calls, ask)
    do throws(Errno) {
      guard hasStaged else { return }
      try calls.release()
      hasStaged = false
      isReleasing = true
      releases += 1
    } catch {
      // Asked for again at the next look.
    }
  }

  private mutating func stageMembers(_ calls: Calls) {
    let isAgain = tally.busy > 0 || tally.entangled > 0
    for index in living..<count where !members[index].isStaged || isAgain {
      // What has exited has no memory left.
      if members[index].hasExited { continue }
      if !stage(members[index].process, calls) { break }
      members[index].isStaged = true
    }
  }

  mutating func stage(_ process: Int32, _ calls: Calls) -> Bool {
    do throws(Errno) {
      try calls.stage(process)
      hasStaged = true
      return true
    } catch {
      return false
    }
  }

  /// Adds up what has come of the last asking.
  private mutating func collectReleased(_ calls: Calls) {
    guard isReleasing, let result = calls.released else { return }
    isReleasing = false
    tally.released += result.released
    tally.vanished += result.vanished
    tally.failed += result.failed
    // As it stands now, not as often as it was asked.
    tally.busy = result.busy
    tally.entangled = result.entangled
    tally.error = tally.error ?? result.error
    tally.nanoseconds += result.nanoseconds
  }

  /// What giving memory back came to; nil where it is under way, or cannot be done here.
  package var released: HelperResult? {
    mutating get {
      guard let calls else { return nil }
      collectReleased(calls)
      return releases > 0 && !isReleasing ? tally : nil
    }
  }

  /// Why the kill set, or the first of it that still lives, has not exited.
  package mutating func examine() -> Standstill {
    guard let calls, let index = firstLiving(calls) else { return calls == nil || !isCgroupEmpty() ? .running : .gone }
    do throws(Errno) {
      try calls.read(.status, of: members[index].pid, path: &path, into: &buffer)
      guard let stance = try? ProcessStance(parsing: buffer.bytes) else { return .running }
      let standstill = Standstill(stance, isFrozen: stance.isAsleep && isFrozen(members[index].pid, calls))
      // The number may be another's by now.
      if calls.hasExited(members[index].process) { return .gone }
      collectReleased(calls)
      return standstill == .running && tally.entangled > 0 ? .sharesMemory : standstill
    } catch {
      return error == .noSuchFile || error == .noSuchProcess ? .gone : .running
    }
  }

  /// False where it cannot be told.
  private mutating func isFrozen(_ pid: Int32, _ calls: Calls) -> Bool {
    do throws(Errno) {
      try calls.read(.cgroup, of: pid, path: &path, into: &buffer)
      return try calls.isFrozen(FreezerPath(parsing: buffer.bytes), of: buffer, path: &path)
    } catch {
      return false
    }
  }

  /// Thaws what a frozen cgroup keeps from dying. Whether there was a cgroup that could be thawed.
  package mutating func thaw() -> Bool {
    var hasThawed = false
    if let calls, let index = firstLiving(calls) {
      do throws(Errno) {
        try calls.read(.cgroup, of: members[index].pid, path: &path, into: &buffer)
        if !calls.hasExited(members[index].process), let range = FreezerPath(parsing: buffer.bytes).first {
          try calls.thaw(range, of: buffer, path: &path)
          hasThawed = true
        }
      } catch {
        // Nothing to thaw, or not ours to: it stays as it is.
      }
    }
    switch cgroup {
    case .some(let cgroup):
      if let calls, (try? calls.setFrozen(false, cgroup)) != nil { hasThawed = true }
    case .none: break
    }
    return hasThawed
  }

  /// Whether that process has the leader's memory: killing the leader alone would then give nothing back.
  package mutating func kinship(_ identity: ProcessIdentity) -> MemorySharing {
    guard let calls else { return .separate }
    guard count > 0 else { return .unknown(.noSuchProcess) }
    do throws(Errno) {
      let process = try calls.open(identity.pid)
      let hold = check(process, identity, calls)
      guard hold == .held else {
        calls.close(process)
        return .unknown(.noSuchProcess)
      }
      defer { calls.close(process) }
      let isOne = try calls.haveOneMemory(members[0].pid, identity.pid)
      // By number, so both must have been there all the while: they were held before, and live after.
      if calls.hasExited(process) || calls.hasExited(members[0].process) { return .unknown(.noSuchProcess) }
      return isOne ? .shares : .separate
    } catch {
      return .unknown(error)
    }
  }

  /// Lets go of the kill set.
  package mutating func release() {
    guard let calls else { return }
    thawOwed()
    owesThaw = false
    staying.removeAll()
    for index in 0..<count { calls.close(members[index].process) }
    count = 0
    living = 0
    groupLeader = nil
    wasKilled = false
    cgroup = nil
    unitMark = .none
    reach = DeliveryCount()
    tally = HelperResult()
    releases = 0
    isReleasing = false
  }
}
