import ArgumentParser
import Badness
import LinuxSystem
import Policy
import PolicyFile
import ProcModel
import ProcReader

/// The options of `rank` and `explain`.
struct InspectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The policy file, or the name of a preset. Default: /etc/spillway/spillway.toml, or the built-in preset `server` if \
      that file does not exist.
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

  @Option(help: ArgumentHelp("Read this directory in place of /proc; its uptime is the present.", valueName: "dir"))
  var procRoot = "/proc"

  @Option(help: MachineRoot.cgroupHelp)
  var cgroupRoot: String?

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
  var isWorthEnding: Bool
  var exe: [UInt8]?
  var cgroup: [UInt8]?
  var unit: [UInt8]?
  /// Which other killer it is, if it is one.
  var killer: OtherKiller?
}

/// All processes of a machine, ranked by the policy's formula and rules.
struct Inspection {
  var loaded: LoadedPolicy
  var judge: Judge
  /// The processes that may be killed, in the order in which they would be killed; then the protected ones.
  var processes: [Inspected]
  var tally: SurveyTally
  var unread = UnreadProcesses()
  /// Whether this process sees the machine's cgroup paths and users, or those of a namespace.
  var view = ProcView()
  /// The memory of the domain that is inspected.
  var reading: MemoryReading
  /// All rows of the survey; ``places`` has an entry for each.
  var table = ProcessTable(capacity: 0)
  var places = Places(capacity: 0)
}

extension Inspection {
  init(_ options: InspectionOptions) throws(Failure) {
    let loaded = try LoadedPolicy.named(options.policy)
    self = try Inspection.each(
      of: [loaded], domain: options.domain, formula: options.formula,
      root: MachineRoot(proc: options.procRoot, cgroups: options.cgroupRoot))[0]
  }

  /// - Parameters:
  ///   - root: Where the machine's files are.
  ///   - domain: A domain's name; nil for the system.
  init(_ loaded: LoadedPolicy, root: MachineRoot, domain: String? = nil) throws(Failure) {
    self = try Inspection.each(of: [loaded], domain: domain, root: root)[0]
  }

  /// Surveys the machine once, and ranks its processes by each of the policies.
  ///
  /// - Parameter domain: The name of a domain of the only policy; nil for the system, which is the same for all.
  static func each(
    of policies: [LoadedPolicy], domain: String? = nil, formula: Formula? = nil, root machine: MachineRoot
  ) throws(Failure) -> [Inspection] {
    let root = machine.proc
    var source = try machine.open()
    let units =
      source.isLive
      ? KernelUnits(pageSizeKiB: OwnProcess.pageSizeKiB, ticksPerSecond: OwnProcess.clockTicksPerSecond) : .common
    var survey = Survey(capacity: 1024)
    var domainNumber = 0
    var inspections: [Inspection] = []
    for loaded in policies {
      let scope = try InspectedDomain(domain, of: loaded, in: &source, root: root)
      survey.roots = scope.roots
      survey.isSwapBeingTakenAway = scope.isSwapBeingTakenAway
      domainNumber = scope.number
      let reading = scope.reading
      var judge = Judge(
        policy: loaded.policy, machine: MachineFacts(reading, units: units), agent: 0)
      judge.settings = scope.settings
      if let formula { judge.settings.formula = formula }
      inspections.append(
        Inspection(loaded: loaded, judge: judge, processes: [], tally: SurveyTally(), reading: reading))
    }

    var table = ProcessTable(capacity: 1024)
    let tally: SurveyTally
    do throws(ReadFailure) {
      tally = try survey.take(from: &source, units: units, into: &table)
    } catch {
      throw Failure(.usage, error.reason(root: "\(root)", &source))
    }
    let unread = UnreadProcesses(tally, table, from: &source)
    var subject = Subject()
    var ancestries = policies.map { loaded in
      var ancestry = Ancestry()
      ancestry.learn(table, policy: loaded.policy)
      return ancestry
    }
    for row in table.rows {
      let isOwn = source.isLive && row.identity.pid == OwnProcess.pid
      guard !isOwn, row.domains.contains(DomainSet(number: domainNumber)) else {
        for index in inspections.indices { inspections[index].places.appendOutside() }
        continue
      }
      var process = row
      process.growthPerSecond = process.lifelongGrowthPerSecond(units: units)
      subject.load(process, needs: [.exe, .cmdline, .cgroup], inCalm: true, from: &source)
      for index in inspections.indices {
        let lineage = ancestries[index].lineage(of: process, policy: policies[index].policy, from: &source)
        inspections[index].append(process, subject, lineage)
      }
    }
    for index in inspections.indices {
      inspections[index].tally = tally
      inspections[index].unread = unread
      inspections[index].view = source.view
      inspections[index].table = table
      inspections[index].sort()
    }
    return inspections
  }

  private mutating func append(_ process: ProcessFacts, _ subject: Subject, _ lineage: Lineage) {
    var terms = TermList()
    let moment = Moment(process: process, machine: judge.machine, lineage: lineage)
    let standing = loaded.policy.standing(loaded.policy.settle(subject), at: moment)
    let candidate = judge.candidate(process, standing: standing, terms: &terms)
    places.append(candidate, isPassedOver: false)
    processes.append(
      Inspected(
        candidate: candidate, terms: terms, isWorthEnding: judge.isWorthEnding(process),
        exe: subject.exeKnowledge == .known ? subject.exe.bytes.array : nil,
        cgroup: subject.cgroupPath.map { subject.cgroup.bytes.extracting($0).array },
        unit: subject.unit.map { subject.cgroup.bytes.extracting($0).array },
        killer: Inspection.killer(process, subject)))
  }

  private static func killer(_ process: ProcessFacts, _ subject: Subject) -> OtherKiller? {
    guard let killer = OtherKiller(process) else { return nil }
    if subject.exeKnowledge == .known, !killer.hasProgram(subject.exe.bytes) { return nil }
    if subject.cmdlineKnowledge == .known, killer.isHarmless(subject.cmdline.bytes) { return nil }
    return killer
  }

  private mutating func sort() {
    processes.sort { left, right in
      let leftStays = left.candidate.standing.protection.protects
      let rightStays = right.candidate.standing.protection.protects
      if leftStays != rightStays { return rightStays }
      return left.candidate.goesBefore(right.candidate)
    }
  }
}

/// What `--domain` asks for: the domain whose processes are ranked, and its memory.
struct InspectedDomain {
  /// The domain's number in ``roots``; 0 is the system.
  let number: Int
  let settings: Settings
  let roots: DomainRoots
  let reading: MemoryReading
  let isSwapBeingTakenAway: Bool

  /// - Parameters:
  ///   - name: Nil for the system, which in a limited container is the container.
  ///   - root: For messages.
  init(
    _ name: String?, of loaded: LoadedPolicy, in source: inout LiveSource, root: String
  ) throws(Failure) {
    let policy = loaded.policy
    var sensors = Sensors()
    var roots = DomainRoots()
    let own = sensors.ownCgroup(from: &source)
    if let own { roots.setSystem(own.span) }
    for domain in policy.domains { roots.append(policy.bytes(domain.cgroup)) }
    self.roots = roots

    if let name {
      let names = policy.domains.map { String(decoding: policy.text[$0.name.indices], as: UTF8.self) }
      guard let index = names.firstIndex(of: name) else {
        let known = names.isEmpty ? "it has no domains" : "its domains are \(names.joined(separator: ", "))"
        throw Failure(.usage, "\(loaded.name) has no domain \"\(name)\": \(known)")
      }
      number = index + 1
      settings = policy.domains[index].settings
    } else {
      number = 0
      settings = policy.settings
    }

    var missing: Sensors.Missing = []
    let machine: MemoryReading
    do throws(Sensors.Blindness) {
      machine = try sensors.read(for: nil, from: &source, at: .zero, missing: &missing)
    } catch {
      throw Failure(
        .kernelFeature,
        error == .unreadable
          ? "\(root)/meminfo cannot be read: is \(root) a proc file system, or a tree like one?"
          : "\(root)/meminfo makes no sense")
    }
    isSwapBeingTakenAway = machine.isSwapBeingTakenAway
    guard number > 0 || own != nil else {
      reading = machine
      return
    }
    do throws(Sensors.Blindness) {
      reading = try sensors.read(
        cgroup: roots.path(number), for: settings.thresholds, on: machine, from: &source, missing: &missing)
    } catch {
      throw Failure(.kernelFeature, "the memory of cgroup \(visible(roots.path(number))) cannot be read")
    }
  }
}

extension Span where Element == UInt8 {
  var array: [UInt8] {
    indices.map { self[$0] }
  }
}
