package import ProcModel

/// What a decision may ask of a process that calm time has not come to: its command line. Reading it takes the
/// process's memory lock, and is therefore given up after a short time.
extension Roster {
  /// Room for answers, and what it takes to ask.
  struct Answers: Sendable {
    /// From this on the entries are of processes that were asked in a decision and that no refresh has seen.
    var firstEntry = 0
    /// Which of those is the oldest, counted from the first, once there is no room for more.
    var oldest = 0
    /// `/proc/PID/stat`, by which a process is told from a later one with its number. Has room where rules ask for
    /// command lines.
    var stat = ByteBuffer(capacity: 0)

    /// Bytes of it: some 330 are usual, and 1 KiB is more than its numbers can take.
    static let statCapacity = 1024
    /// Answers that are kept at least from one refresh to the next.
    static let spare = 128
  }

  /// Takes the memory that answers need until the next refresh, where rules ask for command lines. For the start, for
  /// reloads and for calm time.
  package mutating func prepare(for needs: MatchNeeds) {
    guard needs.contains(.cmdline) else { return }
    if answers.stat.storage.isEmpty { answers.stat = ByteBuffer(capacity: Answers.statCapacity) }
    let most = entries.count + Answers.spare
    // Twice the room, so that a machine whose processes become more takes none at each refresh.
    let ample = most + Answers.spare
    if entries.capacity < most { entries.reserveCapacity(ample) }
    if cmdlines.capacity < most { cmdlines.reserveCapacity(ample) }
    if needs.contains(.moment), settled.capacity < most { settled.reserveCapacity(ample) }
    positions.reserve(most)
  }

  /// Whether rules ask for the command line of a process that has not been read.
  package func lacksCmdline(of process: ProcessFacts, needs: MatchNeeds) -> Bool {
    guard needs.contains(.cmdline) else { return false }
    guard let index = index(of: process.identity), index < cmdlines.count else { return true }
    let outcomes = entries[index].describes(process) ? cmdlines[index] : cmdline(of: process, at: index)
    return outcomes == nil
  }

  /// Asks a process for its command line, unless that would have to be waited for. The answer counts as one of calm
  /// time. Allocates nothing.
  ///
  /// - Parameters:
  ///   - process: As surveyed. One that has exited meanwhile, or has executed another program, has not answered,
  ///     whatever was read under its number.
  ///   - now: When it was surveyed.
  /// - Returns: Whether it has answered: then its standing may be another.
  package mutating func ask<Source: ProcSource & ~Copyable>(
    _ process: ProcessFacts, at now: Nanoseconds, policy: CompiledPolicy, needs: MatchNeeds, from source: inout Source
  ) -> Bool {
    subject.load(process, needs: needs, inCalm: false, from: &source)
    guard subject.askForCmdline(process, from: &source), isStill(process, from: &source) else { return false }
    let known = index(of: process.identity)
    guard cmdlines.count == entries.count, !needs.contains(.moment) || settled.count == entries.count,
      known != nil || hasRoom(needs) || firstAnswer != nil
    else { return false }
    let ruleOutcome = classifySubject(policy, needs)
    if let known {
      entries[known].take(process, ruleOutcome: ruleOutcome)
      keepOutcomes(at: known, needs)
      return true
    }
    let entry = Entry(process, ruleOutcome: ruleOutcome, sampledAt: now, generation: generation)
    insert(entry, needs)
    return true
  }

  private mutating func insert(_ answered: Entry, _ needs: MatchNeeds) {
    var entry = answered
    entry.generation = 0
    if hasRoom(needs) {
      append(entry)
      if needs.contains(.moment) { settled.append(lastStaticMatch) }
      cmdlines.append(lastCmdline)
      return
    }
    guard let first = firstAnswer else { return }
    // The oldest answer gives way: its process has likely been killed, and would be asked again.
    let index = first + answers.oldest % (entries.count - first)
    answers.oldest = index - first + 1
    entries[index] = entry
    keepOutcomes(at: index, needs)
    reindex()
  }

  private var firstAnswer: Int? { answers.firstEntry < entries.count ? answers.firstEntry : nil }

  private func hasRoom(_ needs: MatchNeeds) -> Bool {
    entries.count < entries.capacity && cmdlines.count < cmdlines.capacity
      && (!needs.contains(.moment) || settled.count < settled.capacity) && positions.hasRoom
  }

  /// Whether a process is the one that was surveyed, and executes the same program.
  private mutating func isStill<Source: ProcSource & ~Copyable>(
    _ process: ProcessFacts, from source: inout Source
  ) -> Bool {
    do throws(ReadFailure) {
      try source.read(.stat, of: process.identity.pid, into: &answers.stat)
    } catch {
      return false
    }
    guard let stat = try? ProcessStat(parsing: answers.stat.bytes) else { return false }
    return stat.startTime == process.identity.startTime && stat.image == process.image
  }
}
