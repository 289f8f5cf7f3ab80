package import Flight
package import Policy
package import ProcModel

/// A flight up to a moment, as a machine whose processes can be ranked: they are those of the last survey, and their
/// growth is measured since the surveys before it.
///
/// What was read again of a victim before its signal is left out, so that the ranking is that of the decision.
package struct FlightMoment: FlightSource {
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
  /// Surveys of all processes before the last survey, the oldest first: what a parent held when it forked is known from
  /// that time.
  private var past: [Rows] = []
  /// What was counted after the survey that is being learned.
  private var rollups: [Int32: FlightText] = [:]

  private struct Rows: Sendable {
    var began: Nanoseconds
    var rows: [ProcessFacts]
    /// By process number, what was counted of its pages after the survey.
    var rollups: [Int32: FlightText] = [:]
  }

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
      case .text(let pid, .smapsRollup, let text): last?.rollups[pid] = text
      default: break
      }
      world.take(entry)
    }
    rollups = last?.rollups ?? [:]
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
    for row in world.rows {
      let facts = world.placed(row, in: roots, &chooser.ranking.table.cgroups)
      chooser.ranking.table.append(facts)
    }
    chooser.ranking.tally = world.tally
  }

  /// Has a chooser learn the surveys before the last one, from which growth is measured. Its table stays.
  package mutating func learnPast(by chooser: inout Chooser, _ context: ScoringContext) {
    let (table, tally) = (chooser.ranking.table, chooser.ranking.tally)
    let last = rollups
    for survey in past {
      rollups = survey.rollups
      chooser.beginRecorded(at: survey.began)
      for row in survey.rows { chooser.ranking.table.append(row) }
      chooser.learn(context, eldest: .zero, now: survey.began, budget: .max, mayWait: true, from: &self)
    }
    rollups = last
    (chooser.ranking.table, chooser.ranking.tally) = (table, tally)
  }

  // MARK: Files

  package var clock: Nanoseconds? { nil }

  package mutating func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    guard file == .smapsRollup else { return try world.read(file, of: pid, into: &buffer) }
    guard case .content(let text) = rollups[pid] else { throw .denied }
    buffer.fill(from: text.bytes.span)
  }
}
