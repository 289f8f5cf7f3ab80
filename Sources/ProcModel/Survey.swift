/// Reads every process once and puts the facts of those that could be ended into a table.
///
/// Only files that take no lock of the process's are read, so that a survey cannot hang on one that is stuck in its own
/// page faults: never `cmdline`, never `exe`. Buffers and scratch tables are kept from survey to survey: once they have
/// seen the most processes there are, a survey allocates nothing.
package struct Survey: Sendable {
  var buffer: ByteBuffer
  private var neighbours: SurveyNeighbours
  var threadSearch = ThreadSearch()
  /// By which each process's ``ProcessFacts/domains`` are told.
  package var roots = DomainRoots()
  /// Of the source.
  private(set) var view = ProcView()
  // Of the survey that is under way, or was taken last.
  private var tally = SurveyTally()
  var now = Ticks.zero
  private var smallest = KiB.zero
  var isForScores = true
  /// Whether swapoff(2) is under way, so that the process that is in it is looked for.
  package var isSwapBeingTakenAway = false
  /// Processes that were old already when all were last surveyed.
  private var elders = PIDSet()

  /// - Parameter capacity: Processes that need no further memory.
  package init(capacity: Int) {
    // `status` has some 1.5 KiB and grows with the process's supplementary groups, `cgroup` with the number of v1
    // hierarchies and the depth of paths: all of this stays resident. What does not fit is done without.
    buffer = ByteBuffer(capacity: 8 * 1024)
    neighbours = SurveyNeighbours(capacity: capacity)
  }

  /// Fills `table` with the processes that `source` shows: no kernel threads, no zombies.
  ///
  /// Of a leader that has ended while other threads live on, state and memory are those of a living thread; its own
  /// files tell of none. A process whose `status` cannot be had has the user and group ID 2³²−1, which nobody has, no
  /// capabilities, and what memory `stat` and `statm` tell of. A missing `oom_score_adj` is 0. What is not known so is
  /// in ``ProcessFacts/unread``.
  ///
  /// - Parameter smallest: Processes that hold less than this are left out, and of each only `status` is read:
  ///   measured on 6.18, 15 µs in place of 38 with all else. A process that has a part in shared memory is never left
  ///   out, since the shares of others depend on it. Zero leaves out none; so must ask who needs
  ///   ``ProcessFacts/childrenVirtual``.
  /// - Returns: What was met beside these.
  /// - Throws: ``ReadFailure`` if the list of processes cannot be read, or `uptime` where the source has no clock. The failures of one process are
  ///   counted and end nothing.
  package mutating func take<Source: ProcSource & ~Copyable>(
    from source: inout Source, units: KernelUnits, leavingOutBelow smallest: KiB = .zero,
    into table: inout ProcessTable
  ) throws(ReadFailure) -> SurveyTally {
    try begin(from: &source, units: units, leavingOutBelow: smallest, into: &table)
    while try step(.max, from: &source, units: units, into: &table) == nil {}
    return tally
  }

  /// Begins what ``take(from:units:leavingOutBelow:into:)`` does at once, to be done by steps: for a caller who has to
  /// look up meanwhile. Until the last step the table is of no use.
  ///
  /// - Parameter isForScores: Whether `oom_score` and `oom_score_adj` are read, by which nobody is classified; else they
  ///   are nil and 0.
  package mutating func begin<Source: ProcSource & ~Copyable>(
    from source: inout Source, units: KernelUnits, leavingOutBelow smallest: KiB = .zero, isForScores: Bool = true,
    into table: inout ProcessTable
  ) throws(ReadFailure) {
    tally = SurveyTally()
    view = source.view
    self.smallest = smallest
    self.isForScores = isForScores
    table.clear()
    neighbours.removeAll()
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
    try source.beginProcesses()
  }

  /// Goes on with as many processes.
  ///
  /// - Returns: What was met beside the table's rows, once all processes are in it; nil before.
  package mutating func step<Source: ProcSource & ~Copyable>(
    _ processes: Int, from source: inout Source, units: KernelUnits, into table: inout ProcessTable
  ) throws(ReadFailure) -> SurveyTally? {
    var left = processes
    // One owner at a time: what reads notes in it.
    var tally = self.tally
    defer { self.tally = tally }
    while left > 0 {
      guard let pid = try source.nextProcess() else {
        neighbours.relate(&table)
        return tally
      }
      left -= 1
      if pid == 1 { tally.isHidden = false }
      if table.row(ofPID: pid) != nil { continue }
      tally.seen += 1
      if smallest > .zero {
        // Of a process that stays it is read again after `stat`: memory must never be older than the start time by
        // which the process is held, or another with its number could be ended for it.
        let status: SurveyReading<ProcessStatus> = read(.status, of: pid, thread: nil, from: &source, tally: &tally)
        if !mayBeInSwapoff(status),
          status.tellsOfLess(than: smallest, isOld: elders.contains(pid), tally: &tally)
        {
          continue
        }
      }
      guard
        let facts = facts(
          of: pid, from: &source, units: units, cgroups: &table.cgroups, tally: &tally)
      else { continue }
      table.append(facts)
    }
    return nil
  }

  /// Remembers which processes are old, until it is told of others: a survey that leaves out small processes reads no
  /// age of them. Takes memory, where there are more than before.
  ///
  /// - Parameters:
  ///   - table: A survey that left none out.
  ///   - age: A process that is as old as this, or older, is old; so is one of unknown age, which is not young.
  package mutating func rememberElders(of table: ProcessTable, from age: Ticks) {
    elders.removeAll(keepingRoomFor: table.count)
    for process in table.rows {
      if let own = process.age, own < age { continue }
      elders.insert(process.identity.pid)
    }
  }

  /// Forgets them, as where another age counts as old.
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

  /// The time since a process's start; nil where the present is not known, or comes before that.
  ///
  /// - Parameter clock: Of a live source, and a moment ago: who was born during the survey is no exception.
  private func age(
    of stat: ProcessStat, at clock: Nanoseconds?, units: KernelUnits, tally: inout SurveyTally
  ) -> Ticks? {
    if now == .zero { return nil }
    if stat.startTime <= now { return now - stat.startTime }
    if let clock, stat.startTime <= units.ticks(clock) { return .zero }
    tally.unborn += 1
    return nil
  }

  /// Whether so small a process is looked at all the same: it may be in swapoff(2).
  private func mayBeInSwapoff(_ status: SurveyReading<ProcessStatus>) -> Bool {
    guard isSwapBeingTakenAway, case .value(let status) = status else { return false }
    return status.effectiveCapabilities?.contains(.sysAdmin) ?? false
  }

  /// Whether a process is in swapoff(2): it bears the program's name and the capability, and `syscall` says so. Where that
  /// cannot be read, or the process runs at the moment, it is enough that swap is being taken away.
  ///
  /// `syscall` takes no mmap lock, but one that execve(2) holds, which may wait for memory: on a live machine it is read
  /// only while swap is being taken away.
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
      // Without it the process gave its memory back just now, or the buffer ended before the memory lines.
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
        // What is not anonymous is file pages and shared memory together: before 4.5 nothing tells the two apart.
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

  /// Adds what the kernel's own killer goes by, and the cgroup. None of it has to be there.
  private mutating func addScores<Source: ProcSource & ~Copyable>(
    to facts: inout ProcessFacts, from source: inout Source, cgroups: inout CgroupTree, tally: inout SurveyTally
  ) {
    let pid = facts.identity.pid
    if isForScores,
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

/// What reading one file of one process came to.
enum SurveyReading<File> {
  case value(File)
  case failure(ReadFailure)
  /// Noted in the tally.
  case malformed
}

extension SurveyReading<ProcessStatus> {
  /// Whether it proves that the process gives back less than `smallest` and that no other's share depends on it; says
  /// so in the tally.
  fileprivate func tellsOfLess(than smallest: KiB, isOld: Bool, tally: inout SurveyTally) -> Bool {
    guard case .value(let status) = self else { return false }
    // Without the threads, which stand below the memory, the file was cut and may lack some of that.
    if let anonymous = status.residentAnonymous, status.threads != nil {
      let footprint = anonymous + (status.swap ?? .zero) + (status.pageTables ?? .zero)
      guard (status.residentShared ?? .zero) == .zero, footprint < smallest else { return false }
      tally.leftOut += 1
      tally.leftOutFootprint += footprint
      if isOld {
        tally.leftOutOld += 1
        tally.leftOutOldFootprint += footprint
      }
      return true
    }
    // A kernel thread, or a zombie. With more threads it is a leader that ended before them: those have its memory.
    guard status.virtual == nil, status.resident == nil, status.threads == 1 else { return false }
    tally.withoutMemory += 1
    return true
  }
}
