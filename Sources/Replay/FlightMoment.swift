package import Flight
package import Policy
package import ProcModel

/// A flight up to a moment, as a machine whose processes can be ranked: they are those of the last survey, and their
/// growth is measured since the surveys before it.
///
/// What was read again of a victim before its signal is left out, so that the ranking is that of the decision.
package struct FlightMoment: ProcSource {
  package let header: FlightHeader
  package let time: Nanoseconds
  /// The time of the flight's last item, and of its first survey; nil where it has none.
  package let end: Nanoseconds
  package let firstSurvey: Nanoseconds?
  package private(set) var world: FlightWorld
  /// The policy in force at the moment; nil where the flight does not have it any more.
  package let policy: FlightPolicy?
  /// The time that growth is reckoned to: that of the reading on which the processes were surveyed.
  package private(set) var rankedAt = Nanoseconds.zero
  private let recorded: CompiledPolicy?
  /// Surveys of all processes before the last survey, the oldest first.
  private var past: [Rows] = []

  private struct Rows: Sendable {
    var began: Nanoseconds
    var rows: [ProcessFacts]
  }

  /// Victims that were dead by then, though no survey tells so yet.
  private var dead: Set<ProcessIdentity> = []

  /// Growth that two surveys within half a second of each other do not tell is that between the two before them.
  private static let pastSurveys = 3

  /// - Parameters:
  ///   - count: The number of items of the flight that belong to it.
  ///   - time: The moment.
  package init(_ replay: Replay, items count: Int, at time: Nanoseconds) {
    header = replay.header
    self.time = time
    end = replay.items.last?.time ?? time
    firstSurvey = replay.items.first { if case .survey = $0.item { true } else { false } }?.time
    var world = FlightWorld(replay.header)
    var last: Rows?
    var lastReading: Nanoseconds?
    var askedAt: Nanoseconds?
    for entry in replay.items.prefix(count) {
      switch entry.item {
      case .sighting: continue
      case .decision(let line):
        if let victim = RecordLine(line.bytes).killedVictim { dead.insert(victim) }
      case .memory: lastReading = entry.time
      case .surveyBegan: askedAt = lastReading
      case .survey(let survey):
        if let last { past.append(last) }
        last = survey.note.leastFootprint == .zero ? Rows(began: survey.note.began, rows: survey.rows) : nil
        rankedAt = askedAt ?? survey.note.began
      case .state(let state) where state.survey.began > .zero:
        if let last { past.append(last) }
        last = Rows(began: state.survey.began, rows: state.rows)
        rankedAt = state.survey.began
      default: break
      }
      world.take(entry)
    }
    past = past.suffix(FlightMoment.pastSurveys)
    self.world = world
    policy = replay.policies.first { $0.number == world.policy }
    recorded = policy.flatMap { try? CompiledPolicy(image: $0.image.span) }
  }

  /// Whether processes were surveyed by then.
  package var hasProcesses: Bool { world.surveyedAt != nil }

  /// The last reading of the system's memory; nil where there is none.
  package var reading: MemoryReading? { world.readings[0]?.reading }

  /// The last reading of a domain's memory; nil where there is none.
  ///
  /// - Parameter cgroup: The domain's, as a policy names it.
  package func reading(ofDomain cgroup: [UInt8]) -> MemoryReading? {
    guard let recorded,
      let index = recorded.domains.firstIndex(where: { recorded.bytes($0.cgroup).equals(cgroup.span) })
    else { return nil }
    return world.readings[index + 1]?.reading
  }

  // MARK: Processes

  /// Puts the last survey into a chooser, in place of taking one.
  ///
  /// - Parameter roots: The cgroups of the domains of the policy at hand.
  package func survey(by chooser: inout Chooser, in roots: DomainRoots) {
    chooser.beginRecorded(at: world.surveyedAt ?? .zero)
    for row in world.rows where !dead.contains(row.identity) {
      let facts = placed(row, in: roots, &chooser.ranking.table.cgroups)
      chooser.ranking.table.append(facts)
    }
    chooser.ranking.tally = world.tally
  }

  private func placed(_ row: ProcessFacts, in roots: DomainRoots, _ cgroups: inout CgroupTree) -> ProcessFacts {
    var row = row
    guard case .content(let file) = world.text(.cgroup, of: row.identity.pid),
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

  /// Has a chooser learn the surveys before the last one, from which growth is measured. Its table stays.
  package mutating func learnPast(by chooser: inout Chooser, _ context: ScoringContext) {
    let (table, tally) = (chooser.ranking.table, chooser.ranking.tally)
    for survey in past {
      chooser.beginRecorded(at: survey.began)
      for row in survey.rows { chooser.ranking.table.append(row) }
      chooser.learn(context, eldest: .zero, now: survey.began, budget: .max, mayWait: true, from: &self)
    }
    (chooser.ranking.table, chooser.ranking.tally) = (table, tally)
  }

  // MARK: Files

  package var view: ProcView { ProcView() }
  package var clock: Nanoseconds? { nil }
  package var cgroupVersion: CgroupVersion? { nil }
  package func isReplaced(_ file: SystemFile) -> Bool { false }

  package mutating func read(_ file: SystemFile, into buffer: inout ByteBuffer) throws(ReadFailure) { throw .vanished }
  package mutating func readZram(_ index: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) { throw .vanished }

  package mutating func read(
    _ file: CgroupFile, ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer
  ) throws(ReadFailure) { throw .vanished }

  package mutating func place(ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool { false }

  package mutating func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    let text: FlightText? =
      switch file {
      case .cgroup: world.text(.cgroup, of: pid)
      case .exe: world.text(.exe, of: pid)
      case .cmdline: world.text(.cmdline, of: pid)
      case .stat, .statm, .status, .oomScore, .oomScoreAdj, .syscall: nil
      }
    switch text {
    case .content(let text): buffer.fill(from: text.bytes.span)
    case .failure(let failure): throw failure
    case .unkept, nil: throw .denied
    }
  }

  package mutating func read(
    _ file: ProcessFile, ofThread thread: Int32, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) { throw .vanished }

  package mutating func beginProcesses() throws(ReadFailure) {}
  package mutating func nextProcess() throws(ReadFailure) -> Int32? { nil }
  package mutating func beginThreads(of pid: Int32, at start: Int) throws(ReadFailure) {}
  package mutating func nextThread() throws(ReadFailure) -> Int32? { nil }
  package mutating func effectiveCapabilities(of pid: Int32) -> CapabilitySet? { nil }
}
