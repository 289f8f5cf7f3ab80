import ArgumentParser
import Badness
import LinuxSystem
import Policy
import PolicyFile
import Pressure
import ProcModel
import ProcReader

/// The options of `rank` and `explain`.
struct InspectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The policy file, or the name of a preset. Default: /etc/spillway/spillway.toml, or the built-in preset `server` if \
      that file does not exist; with --flight, the flight's own policy.
      """,
      valueName: "file"))
  var policy: String?

  @Option(
    help: ArgumentHelp(
      "Rank by this formula in place of the policy's.", valueName: "name"))
  var formula: Formula?

  @Option(
    help: ArgumentHelp(
      "Rank the processes of this memory domain of the policy. Default: those of the system.", valueName: "name"))
  var domain: String?

  @Option(
    help: ArgumentHelp(
      "Print at most this many processes. Default: with rank all, with explain 3 that rank before the process.",
      valueName: "count"))
  var limit: Int?

  @OptionGroup var place: InspectedPlace

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1, not \(limit)") }
  }
}

extension Formula: ExpressibleByArgument {
  /// The formula of that name; nil where there is none.
  public init?(argument: String) {
    guard let formula = Formula.allCases.first(where: { $0.name == argument }) else { return nil }
    self = formula
  }

  /// The names, for `--help` and completions.
  public static var allValueStrings: [String] { allCases.map(\.name) }
}

/// One process as the tool shows it.
struct Inspected {
  var candidate: Candidate
  var terms: TermList
  var isWorthKilling: Bool
  var exe: [UInt8]?
  var cgroup: [UInt8]?
  var unit: [UInt8]?
  /// Which other killer it is, if it is one.
  var killer: OtherKiller?
  /// How fast it grows, where that was measured, in KiB a second; nil where growth is what it holds over its age.
  var measuredGrowth: KiB?
}

/// All processes of a machine, ranked and picked from by the ``Chooser`` that the agent chooses with.
struct Inspection {
  var loaded: LoadedPolicy
  var context: ScoringContext
  /// The processes that may be killed, in the order in which they would be killed; then the protected ones.
  var processes: [Inspected] = []
  var unread = UnreadProcesses()
  /// What people are told of a flight, and of what it lacks; a line each.
  var flightNotes: [String] = []
  /// Whether this process sees the machine's cgroup paths and users, or those of a namespace.
  var view = ProcView()
  /// The memory of the domain that is inspected.
  var reading: MemoryReading
  /// The survey, and what the policy makes of each of its rows.
  var ranking = Ranking(capacity: 0)
  /// The processes that would be killed together if memory fell to the floor now, the victim first; nil where none can
  /// be.
  var killSet: KillSet?

  var tally: SurveyTally { ranking.tally }
}

extension Inspection {
  init(_ options: InspectionOptions) throws(Failure) {
    self = try options.place.inspect(
      [options.policy], domain: options.domain, formula: options.formula)[0]
  }

  /// - Parameters:
  ///   - root: Where the machine's files are.
  ///   - domain: A domain's name; nil for the system.
  init(_ loaded: LoadedPolicy, root: MachineRoot, domain: String? = nil) throws(Failure) {
    self = try Inspection.each(of: [loaded], domain: domain, root: root)[0]
  }

  /// As ``each(of:domain:formula:in:root:)``, on this machine or a captured tree.
  static func each(
    of policies: [LoadedPolicy], domain: String? = nil, formula: Formula? = nil, root machine: MachineRoot
  ) throws(Failure) -> [Inspection] {
    var source = try machine.open()
    return try each(of: policies, domain: domain, formula: formula, in: &source, root: machine.proc)
  }

  /// Surveys a machine once, and ranks its processes by each of the policies.
  ///
  /// - Parameters:
  ///   - domain: The name of a domain of the only policy; nil for the system, which is the same for all.
  ///   - root: The name of the machine, for messages.
  static func each<Source: InspectedSource & ~Copyable>(
    of policies: [LoadedPolicy], domain: String? = nil, formula: Formula? = nil, in source: inout Source, root: String
  ) throws(Failure) -> [Inspection] {
    let units = source.units
    var chooser = Chooser(capacity: 1024, picking: 1024)
    var domainNumber = 0
    var inspections: [Inspection] = []
    for loaded in policies {
      let scope = try InspectedDomain(domain, of: loaded, in: &source, root: root)
      chooser.survey.roots = scope.roots
      chooser.survey.isSwapBeingTakenAway = scope.reading.isSwapBeingTakenAway
      domainNumber = scope.number
      var context = ScoringContext(
        policy: loaded.policy, machine: MachineFacts(scope.reading, units: units), agent: source.agent)
      context.settings = scope.settings
      // For people, whether or not a rule asks.
      context.needs.insert(.orphans)
      if let formula { context.settings.formula = formula }
      inspections.append(Inspection(loaded: loaded, context: context, reading: scope.reading))
    }
    try source.survey(by: &chooser, root: root)
    let unread = source.unread(chooser)
    for index in inspections.indices {
      inspections[index].unread = unread
      inspections[index].view = source.view
      inspections[index].flightNotes = source.notes(inspections[index].loaded, root: root)
      inspections[index].choose(in: domainNumber, with: chooser, from: &source)
    }
    return inspections
  }

  /// Ranks a survey and picks from it.
  ///
  /// - Parameter surveyed: Has the survey, and has learned nothing yet.
  private mutating func choose<Source: InspectedSource & ~Copyable>(
    in domain: Int, with surveyed: Chooser, from source: inout Source
  ) {
    var chooser = surveyed
    source.learnPast(by: &chooser, context)
    let now = source.rankedAt
    chooser.learn(
      context, eldest: .zero, now: now, budget: .max, counting: .ofTheTool, mayWait: true, from: &source)
    chooser.classify(in: domain, by: context, now: now, from: &source)
    chooser.ranking.rank(in: domain, by: context) { _ in false }
    if case .victim = chooser.pick(shortage, by: context) { killSet = chooser.picker.killSet }
    ranking = chooser.ranking
    var subject = Subject()
    for row in ranking.table.rows where row.domains.contains(DomainSet(number: domain)) {
      subject.load(row, needs: [.exe, .cmdline, .cgroup], inCalm: true, from: &source)
      let candidate = chooser.candidate(row, context, now, from: &source)
      append(candidate, subject, chooser.roster.measuredGrowth(of: row, now: now))
    }
    sort()
  }

  /// What a choice would go by if memory were at the floor now. Without a running agent, and a flight of one, nothing has
  /// measured how fast processes grow, and growth is what a process holds over its age.
  private var shortage: Shortage {
    var detector = Detector(thresholds: context.settings.thresholds, units: context.machine.units)
    var verdict = detector.judge(reading)
    verdict.level = .terminate
    verdict.reading.available = min(reading.available, verdict.lines.floorAvailable)
    return Shortage(verdict, fallen: .zero, isFalling: false, sinceSurvey: .zero, now: .zero)
  }

  private mutating func append(_ candidate: Candidate, _ subject: borrowing Subject, _ measuredGrowth: KiB?) {
    var terms = TermList()
    let candidate = context.candidate(candidate.process, ruleOutcome: candidate.ruleOutcome, terms: &terms)
    processes.append(
      Inspected(
        candidate: candidate, terms: terms, isWorthKilling: context.isWorthKilling(candidate.process),
        exe: subject.exeKnowledge == .known ? subject.exe.bytes.array : nil,
        cgroup: subject.cgroupPath.map { subject.cgroup.bytes.extracting($0).array },
        unit: subject.unit.map { subject.cgroup.bytes.extracting($0).array },
        killer: Inspection.killer(candidate.process, subject), measuredGrowth: measuredGrowth))
  }

  private static func killer(_ process: ProcessFacts, _ subject: borrowing Subject) -> OtherKiller? {
    guard let killer = OtherKiller(process) else { return nil }
    if subject.exeKnowledge == .known, !killer.hasProgram(subject.exe.bytes) { return nil }
    if subject.cmdlineKnowledge == .known, killer.isHarmless(subject.cmdline.bytes) { return nil }
    return killer
  }

  private mutating func sort() {
    processes.sort { left, right in
      let leftStays = left.candidate.ruleOutcome.protection.protects
      let rightStays = right.candidate.ruleOutcome.protection.protects
      if leftStays != rightStays { return rightStays }
      return left.candidate.goesBefore(right.candidate)
    }
  }
}

extension Span where Element == UInt8 {
  var array: [UInt8] {
    indices.map { self[$0] }
  }
}
