import Agent
package import Flight
package import Policy
package import ProcModel

/// What a flight tells of the machine up to a moment: memory, processes and their texts. Its items are given one by one.
///
/// Rows are those of the last survey. A survey for a decision leaves out processes that are too small to be killed
/// alone; these stay as the survey before it had them. A survey in calm time reads no scores; a process keeps those that
/// were read of it before.
package struct FlightWorld: Sendable {
  package let header: FlightHeader
  /// The time of the last item, on `CLOCK_BOOTTIME`.
  package private(set) var time: Nanoseconds
  /// `CLOCK_BOOTTIME` minus `CLOCK_MONOTONIC` then.
  package private(set) var awakeOffset = Nanoseconds.zero
  /// The number of the policy in force.
  package private(set) var policy: UInt32 = 0
  /// The last reading of each domain's memory that succeeded, with the sources that it lacked, by the domain's number in
  /// ``policy``.
  package private(set) var readings: [Int: MemoryAnswered] = [:]
  /// All processes that are known, with their ages at ``surveyedAt``.
  package private(set) var rows: [ProcessFacts] = []
  /// When the last survey began; nil before the first.
  package private(set) var surveyedAt: Nanoseconds?
  /// What the last survey of all processes met beside its rows.
  package private(set) var tally = SurveyTally()
  /// Processes whose `oom_score` and `oom_score_adj` were never read. Their adjustment counts as 0.
  package private(set) var unscored: Set<ProcessIdentity> = []
  /// The number of processes of the last survey of which the flight tells nothing else, since there were too many.
  package private(set) var untold: UInt32 = 0

  private var texts: [Int32: [FlightTextFile: FlightText]] = [:]
  /// Processes of which a text was read since the survey that is under way, or was complete last, began.
  private var read: [FlightTextFile: Set<Int32>] = [:]

  /// A reading of memory.
  package struct MemoryAnswered: Sendable {
    package var reading: MemoryReading
    /// ``FlightReading/missing``.
    package var missing: UInt8
  }

  package init(_ header: FlightHeader) {
    self.header = header
    time = header.started
  }

  /// The text of a process's file as it was last read; nil where it never was.
  ///
  /// A `smaps_rollup` is another at each reading: one that is older than the last survey is unknown.
  package func text(_ file: FlightTextFile, of pid: Int32) -> FlightText? {
    if file == .smapsRollup, read[file]?.contains(pid) != true { return nil }
    return texts[pid]?[file]
  }

  /// Fills a buffer with the text of a process's file, as a machine answers.
  func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    guard let name = FlightTextFile(file) else { return try tell(file, of: pid, into: &buffer) }
    switch text(name, of: pid) {
    case .content(let text): buffer.fill(from: text.bytes.span)
    case .failure(let failure): throw failure
    case .unkept, nil: throw .denied
    }
  }

  /// What rows tell of, in the form of the kernel's files, as far as relatives are asked for it.
  private func tell(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    guard file == .stat || file == .oomScoreAdj else { throw .denied }
    guard let row = rows.first(where: { $0.identity.pid == pid }) else {
      // Of whom a whole flight does not tell, there was none.
      throw surveyedAt != nil && untold == 0 ? .vanished : .denied
    }
    if file == .stat { return buffer.fill(from: row.statLine.span) }
    guard !row.unread.contains(.oomScoreAdj) else { throw .denied }
    buffer.fill(from: Array("\(row.oomScoreAdj)\n".utf8).span)
  }

  /// A row with the memory domains of another policy than that in force, by its cgroup.
  ///
  /// - Parameters:
  ///   - roots: The policy's domains.
  ///   - cgroups: To which the row's are added.
  func placed(_ row: ProcessFacts, in roots: DomainRoots, _ cgroups: inout CgroupTree) -> ProcessFacts {
    var row = row
    guard case .content(let file) = text(.cgroup, of: row.identity.pid),
      let membership = try? CgroupMembership(parsing: file.bytes.span)
    else {
      row.domains = .system
      return row
    }
    cgroups.add(membership, in: file.bytes.span)
    row.domains =
      membership.isMemoryOutside
      ? roots.outside : roots.domains(of: file.bytes.span.extracting(membership.memoryPath))
    return row
  }

  /// The cgroup that is the system, where the agent is in a limited container; nil where the system is the machine.
  package var ownCgroup: [UInt8]? {
    guard case .content(let path) = texts[0]?[.cgroup] else { return nil }
    return path.bytes
  }

  /// The number of processes of which rules ask for a text that the flight does not have.
  package func countLackingText(_ needs: MatchNeeds) -> Int {
    var files: [FlightTextFile] = []
    if needs.contains(.exe) { files.append(.exe) }
    if needs.contains(.cmdline) { files.append(.cmdline) }
    if needs.contains(.cgroup) { files.append(.cgroup) }
    return rows.count { row in
      !row.isKernelThread
        && files.contains { file in
          switch text(file, of: row.identity.pid) {
          case .content, .failure: false
          case .unkept, nil: true
          }
        }
    }
  }

  /// Takes items of a moment that is not over, without going on to their time: what was read for a decision at this
  /// moment is known of it.
  package mutating func takeAhead(_ entries: ArraySlice<FlightEntry>) {
    let (time, awakeOffset) = (time, awakeOffset)
    for entry in entries {
      switch entry.item {
      case .text, .surveyBegan, .survey: take(entry)
      default: break
      }
    }
    (self.time, self.awakeOffset) = (time, awakeOffset)
  }

  /// Takes the next item.
  package mutating func take(_ entry: FlightEntry) {
    time = entry.time
    awakeOffset = entry.awakeOffset
    switch entry.item {
    case .state(let state): take(state)
    case .memory(let reading): take(reading)
    case .survey(let survey): take(survey)
    case .sighting(_, .found(let facts)): take(facts)
    case .text(let pid, let file, let text):
      texts[pid, default: [:]][file] = text
      read[file, default: []].insert(pid)
    case .surveyBegan: read = [:]
    case .policy(let number):
      policy = number
      // The next policy's numbers of domains may be others.
      readings = readings.filter { $0.key == 0 }
    case .decision(let line):
      // It is dead, though no survey tells so yet.
      if let victim = RecordLine(line.bytes).killedVictim { rows.removeAll { $0.identity == victim } }
    case .sighting, .tick, .wake, .signal, .surveyFailed, .call, .bytes, .note: break
    }
  }

  private mutating func take(_ state: FlightState) {
    policy = state.policy
    for reading in state.readings { take(reading) }
    for text in state.texts { texts[text.pid, default: [:]][text.file] = text.text }
    guard state.survey.began > .zero else { return }
    rows = state.rows
    surveyedAt = state.survey.began
    tally = state.survey.tally
    // Rows that the last survey left out are told as well, and are not counted twice.
    (tally.leftOut, tally.leftOutOld) = (0, 0)
    (tally.leftOutFootprint, tally.leftOutOldFootprint) = (.zero, .zero)
    (tally.unread, tally.unreadYoung, tally.remainder, tally.bound) = (0, 0, .zero, 0)
    untold = state.survey.rest.count
    for row in rows where row.unread.contains(.oomScoreAdj) { unscored.insert(row.identity) }
  }

  private mutating func take(_ reading: FlightReading) {
    guard case .reading(let memory) = reading.outcome else { return }
    readings[Int(reading.domain)] = MemoryAnswered(reading: memory, missing: reading.missing)
  }

  private mutating func take(_ survey: FlightSurvey) {
    let note = survey.note
    var known: [Int32: ProcessFacts] = [:]
    for row in rows { known[row.identity.pid] = row }
    var next: [ProcessFacts] = []
    next.reserveCapacity(survey.rows.count)
    for row in survey.rows {
      next.append(renewed(row, after: known.removeValue(forKey: row.identity.pid)))
    }
    let elapsed = note.began - (surveyedAt ?? note.began)
    for row in rows {
      guard let old = known[row.identity.pid] else { continue }
      // What was left out for its size is there still; of a survey in parts, so may be what is not told.
      if old.footprint < note.leastFootprint || note.isPartial || note.tally.unread > 0 {
        next.append(old.older(by: header.units.ticks(elapsed)))
      } else {
        texts[old.identity.pid] = nil
        unscored.remove(old.identity)
      }
    }
    rows = next
    surveyedAt = note.began
    untold = note.rest.count
    if note.leastFootprint == .zero { tally = note.tally }
  }

  /// A row with what was read of its process before, and is not read in each survey.
  private mutating func renewed(_ row: ProcessFacts, after earlier: ProcessFacts?) -> ProcessFacts {
    var row = row
    let old = earlier?.identity == row.identity ? earlier : nil
    if earlier != nil, old == nil || old?.image != row.image {
      // Another program, or another process with its number. Its cgroup was read for this survey; the others are only
      // where a flight has them in full.
      for file in [FlightTextFile.exe, .cmdline] where read[file]?.contains(row.identity.pid) != true {
        texts[row.identity.pid]?[file] = nil
      }
    }
    if row.unread.contains(.oomScoreAdj), let old, !old.unread.contains(.oomScoreAdj) {
      row.oomScoreAdj = old.oomScoreAdj
      row.oomScore = row.oomScore ?? old.oomScore
      row.unread.remove(.oomScoreAdj)
    }
    if row.unread.contains(.oomScoreAdj) {
      unscored.insert(row.identity)
    } else {
      unscored.remove(row.identity)
    }
    return row
  }

  private mutating func take(_ facts: ProcessFacts) {
    guard let index = rows.firstIndex(where: { $0.identity == facts.identity }) else { return }
    rows[index] = facts
    if !facts.unread.contains(.oomScoreAdj) { unscored.remove(facts.identity) }
  }
}

extension ProcessFacts {
  /// A line of `stat` that is parsed to the same identity, relatives, name and image.
  fileprivate var statLine: [UInt8] {
    let name = (0..<Int(comm.count)).map { comm.storage[$0] }
    return Array("\(identity.pid) (".utf8) + name
      + Array(
        (") \(Character(UnicodeScalar(state))) \(parent) \(processGroup) \(session) 0 -1 0 0 0 0 0 0 0 0 0 20 \(nice) "
          + "\(threads) 0 \(identity.startTime.count) 0 0 0 0 0 \(image) 0\n").utf8)
  }

  fileprivate func older(by ticks: Ticks) -> ProcessFacts {
    var facts = self
    facts.age = age.map { $0 + ticks }
    return facts
  }
}
