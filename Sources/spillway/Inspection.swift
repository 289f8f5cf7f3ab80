import Agent
import ArgumentParser
import Badness
import LinuxSystem
import Policy
import PolicyFile
import ProcModel
import ProcReader

/// The options by which `rank` and `explain` look at a machine.
struct InspectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The policy file. Without it /etc/spillway/spillway.toml, and failing that the built-in preset `server`.",
      valueName: "file"))
  var policy: String?

  @Option(
    help: ArgumentHelp(
      "The formula in place of the policy's: \(Formula.allCases.map(\.name).joined(separator: ", ")).",
      valueName: "name"))
  var formula: Formula?

  @Option(help: ArgumentHelp("At most so many processes.", valueName: "n"))
  var limit: Int?

  @Option(help: ArgumentHelp("Read this in place of /proc; its uptime is the present.", valueName: "dir"))
  var procRoot = "/proc"

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1, not \(limit)") }
  }
}

extension Formula: ExpressibleByArgument {
  /// By its name.
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
}

/// All processes of a machine, ranked by the code that the agent ranks them with.
struct Inspection {
  var loaded: LoadedPolicy
  var judge: Judge
  /// In the order in which they would go; then those that are protected.
  var processes: [Inspected]
  var tally: SurveyTally
  var swapTotal: KiB

  init(_ options: InspectionOptions) throws(Failure) {
    loaded = try LoadedPolicy.load(options.policy)
    if let formula = options.formula { loaded.policy.settings.formula = formula }
    let root = options.procRoot
    var source: LiveSource
    do throws(Errno) {
      source = try LiveSource.open(root: CPath(root))
    } catch {
      throw Failure(error == .accessDenied ? .noPermission : .usage, "\(root): \(error.text)")
    }
    let units =
      source.isLive
      ? KernelUnits(pageSizeKiB: OwnProcess.pageSizeKiB, ticksPerSecond: OwnProcess.clockTicksPerSecond) : .common
    let meminfo = try Inspection.meminfo(&source, root)
    swapTotal = meminfo.swapTotal
    judge = Judge(
      policy: loaded.policy, machine: MachineFacts(ram: meminfo.total, swap: meminfo.swapTotal, units: units), agent: 0)

    var survey = Survey(capacity: 1024)
    var table = ProcessTable(capacity: 1024)
    do throws(ReadFailure) {
      tally = try survey.take(from: &source, units: units, into: &table)
    } catch {
      throw Failure(.usage, "\(root): processes cannot be listed")
    }
    processes = []
    var subject = Subject()
    for row in table.rows where !(source.isLive && row.identity.pid == OwnProcess.pid) {
      var process = row
      process.growthPerSecond = process.lifelongGrowthPerSecond(units: units)
      subject.load(process, needs: [.exe, .cmdline, .cgroup], inCalm: true, from: &source)
      var terms = TermList()
      let candidate = judge.candidate(process, standing: loaded.policy.classify(subject), terms: &terms)
      processes.append(
        Inspected(
          candidate: candidate, terms: terms, isWorthEnding: judge.isWorthEnding(process),
          exe: subject.exeKnowledge == .known ? subject.exe.bytes.array : nil,
          cgroup: subject.cgroupPath.map { subject.cgroup.bytes.extracting($0).array },
          unit: subject.unit.map { subject.cgroup.bytes.extracting($0).array }))
    }
    processes.sort { left, right in
      let leftStays = left.candidate.standing.protection.protects
      let rightStays = right.candidate.standing.protection.protects
      if leftStays != rightStays { return rightStays }
      return left.candidate.goesBefore(right.candidate)
    }
  }

  private static func meminfo(_ source: inout LiveSource, _ root: String) throws(Failure) -> Meminfo {
    var buffer = ByteBuffer(capacity: 16 * 1024)
    do throws(ReadFailure) {
      try source.read(.meminfo, into: &buffer)
    } catch {
      throw Failure(
        .kernelFeature, "\(root)/meminfo cannot be read: is \(root) a proc file system, or a tree like one?")
    }
    guard let meminfo = try? Meminfo(parsing: buffer.bytes) else {
      throw Failure(.kernelFeature, "\(root)/meminfo makes no sense")
    }
    return meminfo
  }
}

extension Span where Element == UInt8 {
  var array: [UInt8] {
    indices.map { self[$0] }
  }
}
