/// The outcome of reading one process.
package enum ProcessSighting: Sendable {
  case found(ProcessFacts)
  /// The process has exited, or is a thread of the kernel. Nothing can be done to it.
  case gone
  /// The process exists, but its facts cannot be learned.
  case unreadable
}

extension Survey {
  /// The time at which the last survey began, on the clock of start times.
  package var present: Ticks { now }

  /// Whether a number is a living process's, and not one of its threads': the numbers of both are of one kind.
  package mutating func isProcess<Source: ProcSource & ~Copyable>(_ pid: Int32, from source: inout Source) -> Bool {
    var tally = SurveyTally()
    let status: SurveyReading<ProcessStatus> = read(.status, of: pid, thread: nil, from: &source, tally: &tally)
    guard case .value(let status) = status else { return false }
    return status.threadGroup == pid
  }

  /// The number that was given last to a process or thread: the last word of `/proc/loadavg` (proc(5)). Nil where the file
  /// cannot be read, or makes no sense.
  package mutating func lastNumber<Source: ProcSource & ~Copyable>(from source: inout Source) -> Int32? {
    guard (try? source.read(.loadavg, into: &buffer)) != nil else { return nil }
    var scanner = ByteScanner(buffer.bytes)
    for _ in 0..<4 {
      scanner.skipWord()
      scanner.advance()
    }
    guard let number = try? scanner.signed32(), number > 0 else { return nil }
    return number
  }

  /// Reads one process as a survey for a decision would, for a caller that has to know what it is at this moment.
  ///
  /// Facts that depend on other processes, such as ``ProcessFacts/childrenVirtual``, are not set.
  ///
  /// - Parameters:
  ///   - later: The time since the last survey began, whose clock is the base of ages.
  ///   - cgroups: The tree to which the process's cgroup is added.
  /// - Returns: The facts. The outcome is `unreadable` also where a file makes no sense, or where the user or
  ///   `oom_score_adj` is unknown: a survey uses 2³²−1 and 0 for those, and they protect no process.
  package mutating func look<Source: ProcSource & ~Copyable>(
    at pid: Int32, later: Ticks, from source: inout Source, units: KernelUnits, cgroups: inout CgroupTree
  ) -> ProcessSighting {
    var tally = SurveyTally()
    let forScores = isForScores
    isForScores = true
    defer { isForScores = forScores }
    let began = now
    defer { now = began }
    if let clock = source.clock { now = units.ticks(clock) } else if now > .zero { now = now + later }
    let facts = facts(of: pid, from: &source, units: units, cgroups: &cgroups, tally: &tally)
    guard let facts else {
      let isGone = tally.vanished > 0 || tally.zombies > 0 || tally.kernelThreads > 0
      return isGone ? .gone : .unreadable
    }
    let isKnown = tally.malformed == 0 && facts.unread.isDisjoint(with: [.user, .oomScoreAdj])
    return isKnown ? .found(facts) : .unreadable
  }
}
