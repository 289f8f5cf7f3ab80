import LinuxSystem
import Policy
import PolicyFile
import Pressure
import ProcModel
import ProcReader
import Replay

/// A machine whose processes are inspected: this one, a captured tree, or a flight up to a moment.
protocol InspectedSource: ProcSource, ~Copyable {
  var units: KernelUnits { get }
  /// The process number of the agent that chooses; 0 where none does.
  var agent: Int32 { get }
  /// The time that growth is reckoned to.
  var rankedAt: Nanoseconds { get }
  /// The cgroup that limits the system (``Sensors/ownCgroup(from:)``).
  mutating func ownCgroup(by sensors: inout Sensors) -> [UInt8]?
  /// Reads the memory of a domain.
  ///
  /// - Parameters:
  ///   - domain: Its number in the policy; 0 for the system.
  ///   - cgroup: The domain's; nil for the system, unless that is a limited container.
  ///   - root: The name of the machine, for messages.
  mutating func memory(
    of domain: Int, _ cgroup: [UInt8]?, for thresholds: Thresholds, by sensors: inout Sensors, root: String
  ) throws(Failure) -> MemoryReading
  /// Fills the chooser's table with all processes.
  mutating func survey(by chooser: inout Chooser, root: String) throws(Failure)
  /// What the survey could not read.
  mutating func unread(_ chooser: Chooser) -> UnreadProcesses
  /// Has a chooser learn earlier surveys, from which growth is measured. Its table stays.
  mutating func learnPast(by chooser: inout Chooser, _ context: ScoringContext)
  /// What people are to know of it beside the ranking by a policy; a line each.
  func notes(_ loaded: LoadedPolicy, root: String) -> [String]
}

extension LiveSource: InspectedSource {
  var units: KernelUnits {
    isLive ? KernelUnits(pageSizeKiB: OwnProcess.pageSizeKiB, ticksPerSecond: OwnProcess.clockTicksPerSecond) : .common
  }
  var agent: Int32 { 0 }
  var rankedAt: Nanoseconds { .zero }

  mutating func ownCgroup(by sensors: inout Sensors) -> [UInt8]? { sensors.ownCgroup(from: &self) }

  mutating func memory(
    of domain: Int, _ cgroup: [UInt8]?, for thresholds: Thresholds, by sensors: inout Sensors, root: String
  ) throws(Failure) -> MemoryReading {
    var missing: Sensors.Missing = []
    let machine: MemoryReading
    do throws(Sensors.Blindness) {
      machine = try sensors.read(for: nil, from: &self, at: .zero, missing: &missing)
    } catch {
      throw Failure(
        .kernelFeature,
        error == .unreadable
          ? "\(root)/meminfo cannot be read: is \(root) a proc file system, or a tree like one?"
          : "\(root)/meminfo makes no sense")
    }
    guard let cgroup else { return machine }
    do throws(Sensors.Blindness) {
      var reading = try sensors.read(cgroup: cgroup.span, for: thresholds, on: machine, from: &self, missing: &missing)
      reading.isSwapBeingTakenAway = machine.isSwapBeingTakenAway
      return reading
    } catch {
      throw Failure(.kernelFeature, "the memory of cgroup \(visible(cgroup.span)) cannot be read")
    }
  }

  mutating func survey(by chooser: inout Chooser, root: String) throws(Failure) {
    let units = units
    do throws(ReadFailure) {
      try chooser.beginSurvey(.everyone, units: units, now: .zero, from: &self)
      while try !chooser.stepSurvey(.max, units: units, from: &self) {}
    } catch {
      throw Failure(.usage, error.reason(root: root, &self))
    }
    if isLive { chooser.leaveOut(OwnProcess.pid) }
  }

  mutating func unread(_ chooser: Chooser) -> UnreadProcesses {
    UnreadProcesses(chooser.ranking.tally, chooser.ranking.table, from: &self)
  }

  mutating func learnPast(by chooser: inout Chooser, _ context: ScoringContext) {}

  func notes(_ loaded: LoadedPolicy, root: String) -> [String] { [] }
}

/// What `--domain` asks for: the domain whose processes are ranked, and its memory.
struct InspectedDomain {
  /// The domain's number in ``roots``; 0 is the system.
  let number: Int
  let settings: Settings
  let roots: DomainRoots
  let reading: MemoryReading

  /// - Parameters:
  ///   - name: Nil for the system, which in a limited container is the container.
  ///   - root: For messages.
  init<Source: InspectedSource & ~Copyable>(
    _ name: String?, of loaded: LoadedPolicy, in source: inout Source, root: String
  ) throws(Failure) {
    let policy = loaded.policy
    var sensors = Sensors()
    var roots = DomainRoots()
    let own = source.ownCgroup(by: &sensors)
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
    reading = try source.memory(
      of: number, number > 0 || own != nil ? roots.path(number).array : nil, for: settings.thresholds, by: &sensors,
      root: root)
  }
}
