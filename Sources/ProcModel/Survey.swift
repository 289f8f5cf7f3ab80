/// Reads every process once, and puts the facts of those that may be killed into a table.
///
/// A survey reads no file that takes a lock of the process, never `cmdline` and never `exe`, so it cannot hang on a
/// process that is stuck in its own page faults. Buffers and scratch tables are kept from survey to survey. Once they
/// have held the most processes that there are, a survey allocates nothing.
package struct Survey: Sendable {
  var buffer: ByteBuffer
  private var neighbours: SurveyNeighbours
  var threadSearch = ThreadSearch()
  /// The cgroups of the memory domains, which decide each process's ``ProcessFacts/domains``.
  package var roots = DomainRoots()
  /// The view of the source that was surveyed last.
  private(set) var view = ProcView()
  // The state of the survey that is under way, or was taken last.
  private var tally = SurveyTally()
  var now = Ticks.zero
  private var smallest = KiB.zero
  var isForScores = true
  /// Whether swapoff(2) is under way. The process in that call is then looked for.
  package var isSwapBeingTakenAway = false
  /// The processes that were old already when all were last surveyed.
  private var elders = PIDSet()
  /// The processes whose `oom_score_adj` was read in calm time.
  private var scored = PIDSet()
  /// The number of surveys so far.
  private var round: Int32 = 0

  /// - Parameter capacity: The number of processes that fit without a further allocation.
  package init(capacity: Int) {
    // `status` has about 1.5 KiB and grows with the number of supplementary groups. `cgroup` grows with the number of
    // version 1 hierarchies and with the depth of paths. All of the buffer stays resident. What does not fit is cut.
    buffer = ByteBuffer(capacity: 8 * 1024)
    neighbours = SurveyNeighbours(capacity: capacity)
  }

  /// Fills `table` with the processes that `source` shows, without kernel threads and zombies.
  ///
  /// Where a leader is dead and other threads live on, state and memory are those of a living thread, since the
  /// leader's own files tell of none. Where `status` cannot be read, the user and group ID are 2³²−1, which no process
  /// has, the capabilities are empty, and the memory is what `stat` and `statm` tell. A missing `oom_score_adj` counts
  /// as 0. ``ProcessFacts/unread`` lists what is unknown for such reasons.
  ///
  /// - Parameter smallest: Processes that hold less than this are left out, and of each only `status` is read: on Linux
  ///   6.18 that takes 15 µs, and 38 µs with all other files. A process that maps shared memory is never left out,
  ///   since the shares of others depend on it. Zero leaves out none; a caller that needs
  ///   ``ProcessFacts/childrenVirtual`` has to pass zero.
  /// - Returns: What the survey met beside the processes in the table.
  /// - Throws: ``ReadFailure`` where the list of processes cannot be read, or `uptime` where the source has no clock.
  ///   The failures of one process are counted, and the survey goes on.
  package mutating func take<Source: ProcSource & ~Copyable>(
    from source: inout Source, units: KernelUnits, leavingOutBelow smallest: KiB = .zero,
    into table: inout ProcessTable
  ) throws(ReadFailure) -> SurveyTally {
    try begin(from: &source, units: units, leavingOutBelow: smallest, into: &table)
    while try step(.max, from: &source, units: units, into: &table) == nil {}
    return tally
  }

  /// Begins what ``take(from:units:leavingOutBelow:into:)`` does at once, to be done step by step, for a caller that
  /// has other work meanwhile. The table is of no use until the last step.
  ///
  /// - Parameters:
  ///   - isForScores: Whether `oom_score` and `oom_score_adj` are read. A survey in calm time, which serves to match the
  ///     fields that do not change, reads the second of those that it has not read yet, and of a sixteenth of the others.
  ///     Else they are nil and 0.
  ///   - isWalk: Whether the processes are those of a walk over all. Otherwise the caller names each
  ///     (``take(_:leavingOutBelow:from:units:into:)``).
  package mutating func begin<Source: ProcSource & ~Copyable>(
    from source: inout Source, units: KernelUnits, leavingOutBelow smallest: KiB = .zero, isForScores: Bool = true,
    isWalk: Bool = true, into table: inout ProcessTable
  ) throws(ReadFailure) {
    tally = SurveyTally()
    round &+= 1
    view = source.view
    self.smallest = smallest
    self.isForScores = isForScores
    table.clear()
    threadSearch.beginSurvey()
    now = .zero
    if let clock = source.clock {
      now = units.ticks(clock)
    } else {
      try source.read(.uptime, into: &buffer)
      do throws(ProcParseError) {
        now = try Uptime(parsing: buffer.bytes).ticks(units)
      } catch {
        tally.uptimeError = error
      }
    }
    if isWalk { try source.beginProcesses() }
  }

  /// Surveys the next processes.
  ///
  /// - Parameter processes: How many, at most.
  /// - Returns: What the survey met beside the processes in the table, once all are in it; nil before.
  package mutating func step<Source: ProcSource & ~Copyable>(
    _ processes: Int, from source: inout Source, units: KernelUnits, into table: inout ProcessTable
  ) throws(ReadFailure) -> SurveyTally? {
    var left = processes
    while left > 0 {
      guard let pid = try source.nextProcess() else { return finish(&table) }
      left -= 1
      take(pid, leavingOutBelow: smallest, from: &source, units: units, into: &table)
    }
    return nil
  }

  /// Ends a survey: sets the facts that depend on other rows.
  ///
  /// - Returns: What the survey met beside the processes in the table.
  package mutating func finish(_ table: inout ProcessTable) -> SurveyTally {
    neighbours.relate(&table)
    return tally
  }

  /// Surveys one process.
  package mutating func take<Source: ProcSource & ~Copyable>(
    _ pid: Int32, leavingOutBelow smallest: KiB, from source: inout Source, units: KernelUnits,
    into table: inout ProcessTable
  ) {
    // The functions that read note in the tally, and only one of them may own it at a time.
    var tally = self.tally
    defer { self.tally = tally }
    if pid == 1 { tally.isHidden = false }
    if table.row(ofPID: pid) != nil { return }
    tally.seen += 1
    if smallest > .zero {
      // The `status` of a process that is kept is read again after its `stat`. Memory must never be older than the
      // start time by which the process is held, or another process with its number could be killed for it.
      let status: SurveyReading<ProcessStatus> = read(.status, of: pid, thread: nil, from: &source, tally: &tally)
      if !mayBeInSwapoff(status),
        status.tellsOfLess(than: smallest, isOld: elders.contains(pid), tally: &tally)
      {
        return
      }
    }
    guard
      let facts = facts(of: pid, from: &source, units: units, cgroups: &table.cgroups, tally: &tally)
    else { return }
    table.append(facts)
  }

  /// Whether a process was old when all were last surveyed.
  package func isElder(_ pid: Int32) -> Bool { elders.contains(pid) }

  /// Remembers which processes are old, until the next call. A survey that leaves out small processes does not read
  /// their age. Allocates where there are more processes than before.
  ///
  /// - Parameters:
  ///   - table: A survey that left none out.
  ///   - age: The least age of an old process. A process of unknown age counts as old.
  ///   - isExempt: Whether a process counts as young, whatever its age.
  package mutating func rememberElders(
    of table: ProcessTable, from age: Ticks, except isExempt: (ProcessFacts) -> Bool = { _ in false }
  ) {
    elders.removeAll(keepingRoomFor: table.count)
    scored.removeAll(keepingRoomFor: table.count)
    for process in table.rows {
      // Those of which it is unread now were read before.
      scored.insert(process.identity.pid)
      if let own = process.age, own < age { continue }
      if isExempt(process) { continue }
      elders.insert(process.identity.pid)
    }
  }

  /// Forgets the old processes, for when another age counts as old.
  package mutating func forgetElders() {
    elders.removeAll(keepingRoomFor: 0)
  }

  mutating func facts<Source: ProcSource & ~Copyable>(
    of pid: Int32, from source: inout Source, units: KernelUnits, cgroups: inout CgroupTree,
    tally: inout SurveyTally
  ) -> ProcessFacts? {
    let stat: ProcessStat
    switch read(.stat, of: pid, thread: nil, from: &source, tally: &tally) as SurveyReading<ProcessStat> {
    case .value(let value): stat = value
    case .malformed: return nil
    case .failure(let failure):
      switch failure {
      case .vanished: tally.vanished += 1
      case .denied: tally.denied += 1
      case .failed: tally.failed += 1
      }
      return nil
    }
    guard stat.pid == pid else {
      tally.note(.malformed(offset: 0), in: .stat, of: pid)
      return nil
    }
    guard !stat.isKernelThread else {
      tally.kernelThreads += 1
      return nil
    }

    var facts = ProcessFacts(identity: ProcessIdentity(pid: pid, startTime: stat.startTime))
    facts.parent = stat.parent
    facts.processGroup = stat.processGroup
    facts.session = stat.session
    facts.hasTerminal = stat.terminal != 0
    facts.comm = stat.comm
    facts.image = stat.image
    facts.faulted = units.kib(pages: stat.minorFaults)
    facts.threads = stat.threads
    facts.nice = stat.nice
    facts.cpu = stat.userTime + stat.systemTime
    facts.age = age(of: stat, at: source.clock, units: units, tally: &tally)

    var body = stat
    var thread: Int32?
    if stat.isDead {
      switch livingThread(of: stat, from: &source) {
      case .found(let living):
        body = living
        thread = living.pid
      case .none:
        tally.zombies += 1
        return nil
      case .unknown:
        tally.unsearched += 1
        return nil
      }
    }
    facts.state = body.state
    facts.virtual = KiB(bytes: body.virtualBytes)
    facts.resident = units.kib(pages: body.residentPages)
    guard addStatus(to: &facts, thread: thread, from: &source, units: units, tally: &tally) else {
      tally.vanished += 1
      return nil
    }
    addScores(to: &facts, from: &source, cgroups: &cgroups, tally: &tally)
    facts.isSwappingOff = isInSwapoff(facts, from: &source, tally: &tally)
    return facts
  }

  /// Returns the time since a process's start. Nil where the present is unknown, or earlier than the start.
  ///
  /// - Parameter clock: The clock of a live source, read a moment ago. A process that was born during the survey has an
  ///   age of zero.
  private func age(
    of stat: ProcessStat, at clock: Nanoseconds?, units: KernelUnits, tally: inout SurveyTally
  ) -> Ticks? {
    if now == .zero { return nil }
    if stat.startTime <= now { return now - stat.startTime }
    if let clock, stat.startTime <= units.ticks(clock) { return .zero }
    tally.unborn += 1
    return nil
  }

  /// Whether a process is read in full however small it is: it may be in swapoff(2).
  private func mayBeInSwapoff(_ status: SurveyReading<ProcessStatus>) -> Bool {
    guard isSwapBeingTakenAway, case .value(let status) = status else { return false }
    return status.effectiveCapabilities?.contains(.sysAdmin) ?? false
  }

  /// Whether a process is in swapoff(2): it has the program's name and the capability, and `syscall` names that call.
  /// Where `syscall` cannot be read, or the process is running at the moment, it is enough that swap is being taken
  /// away.
  ///
  /// `syscall` takes no mmap lock, but a lock that execve(2) holds, which may wait for memory. On a live machine it is
  /// read only while swap is being taken away.
  private mutating func isInSwapoff<Source: ProcSource & ~Copyable>(
    _ process: ProcessFacts, from source: inout Source, tally: inout SurveyTally
  ) -> Bool {
    guard process.comm.isSwapoff, process.effectiveCapabilities.contains(.sysAdmin),
      isSwapBeingTakenAway || source.clock == nil
    else { return false }
    let call: SurveyReading<SyscallFile> = read(
      .syscall, of: process.identity.pid, thread: nil, from: &source, tally: &tally)
    guard case .value(let call) = call, let number = call.number else { return isSwapBeingTakenAway }
    return number == SyscallFile.swapoff
  }

  /// Adds owner, capabilities and memory.
  ///
  /// - Returns: Whether the process is still there.
  private mutating func addStatus<Source: ProcSource & ~Copyable>(
    to facts: inout ProcessFacts, thread: Int32?, from source: inout Source, units: KernelUnits,
    tally: inout SurveyTally
  ) -> Bool {
    let pid = facts.identity.pid
    var isGone = false
    var needsStatm = true
    facts.realUID = .max
    facts.effectiveUID = .max
    facts.effectiveGID = .max
    facts.unread.formUnion([.user, .group, .namespace, .capabilities])
    switch read(.status, of: pid, thread: thread, from: &source, tally: &tally) as SurveyReading<ProcessStatus> {
    case .value(let status):
      facts.realUID = status.realUID
      facts.effectiveUID = status.effectiveUID
      if status.effectiveUID != view.unmappedUser { facts.unread.remove(.user) }
      if let group = status.effectiveGID {
        facts.effectiveGID = group
        if group != view.unmappedGroup { facts.unread.remove(.group) }
      }
      if let namespaces = status.namespaces {
        facts.isInNamespace = namespaces > 1
        facts.unread.remove(.namespace)
      }
      if let capabilities = status.effectiveCapabilities {
        facts.effectiveCapabilities = capabilities
        facts.unread.remove(.capabilities)
      }
      facts.swap = status.swap ?? .zero
      facts.pageTables = status.pageTables ?? .zero
      // Without this line the process has just given its memory back, or the buffer ended before the memory lines.
      if let resident = status.resident { facts.resident = resident }
      if let anonymous = status.residentAnonymous {
        facts.anonymous = anonymous
        facts.file = status.residentFile ?? .zero
        facts.shared = status.residentShared ?? .zero
        needsStatm = false
      }
    case .failure(let failure): isGone = failure == .vanished
    case .malformed: break
    }
    if needsStatm, facts.resident > .zero || isGone {
      switch read(.statm, of: pid, thread: thread, from: &source, tally: &tally) as SurveyReading<ProcessStatm> {
      case .value(let statm):
        // `statm` counts file pages and shared memory together, and before 4.5 nothing tells the two apart.
        if statm.resident == 0 {
          facts.virtual = units.kib(pages: statm.size)
          facts.resident = .zero
        }
        facts.file = min(units.kib(pages: statm.shared), facts.resident)
        facts.anonymous = facts.resident - facts.file
      case .failure(let failure):
        if isGone, failure == .vanished { return false }
        facts.anonymous = facts.resident
      case .malformed: facts.anonymous = facts.resident
      }
    }
    if let capabilities = source.effectiveCapabilities(of: pid) {
      facts.effectiveCapabilities = capabilities
      facts.unread.remove(.capabilities)
    }
    return true
  }

  /// Adds the kernel's score, its adjustment, and the cgroup. Any of them may be missing.
  private mutating func addScores<Source: ProcSource & ~Copyable>(
    to facts: inout ProcessFacts, from source: inout Source, cgroups: inout CgroupTree, tally: inout SurveyTally
  ) {
    let pid = facts.identity.pid
    if isForScores || !scored.contains(pid) || pid & 15 == round & 15,
      case .value(let adjustment) =
        read(.oomScoreAdj, of: pid, thread: nil, from: &source, tally: &tally) as SurveyReading<OomScoreAdj>
    {
      facts.oomScoreAdj = adjustment.value
    } else {
      facts.unread.insert(.oomScoreAdj)
    }
    if isForScores,
      case .value(let score) =
        read(.oomScore, of: pid, thread: nil, from: &source, tally: &tally) as SurveyReading<OomScore>
    {
      facts.oomScore = score.value
    }
    addCgroup(to: &facts, from: &source, cgroups: &cgroups, tally: &tally)
  }

  mutating func read<File: KernelFile, Source: ProcSource & ~Copyable>(
    _ name: ProcessFile, of pid: Int32, thread: Int32?, from source: inout Source, tally: inout SurveyTally
  ) -> SurveyReading<File> {
    do throws(ReadFailure) {
      if let thread {
        try source.read(name, ofThread: thread, of: pid, into: &buffer)
      } else {
        try source.read(name, of: pid, into: &buffer)
      }
    } catch {
      return .failure(error)
    }
    buffer.dropTornLine()
    do throws(ProcParseError) {
      return .value(try File(parsing: buffer.bytes))
    } catch {
      tally.note(error, in: name, of: pid)
      return .malformed
    }
  }
}
