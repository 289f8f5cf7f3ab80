import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// What a hook is told by its environment: `SPILLWAY_NAME=value`, a NUL after each (spillwayd(8)).
struct HookVariables: Sendable {
  private(set) var bytes: [UInt8] = []
  /// The victim's cgroup file. Has room where there are hooks.
  private var file = ByteBuffer(capacity: 0)

  /// Takes the memory that they need. For the start and for reloads.
  mutating func prepare() {
    guard file.storage.isEmpty else { return }
    file = ByteBuffer(capacity: HookVariables.fileCapacity)
    bytes.reserveCapacity(HookQueue.variableCapacity)
  }

  private static let fileCapacity = 4096

  mutating func set<Calls>(
    _ occasion: HookOccasion, _ domain: MemoryDomain<Calls>, _ verdict: Verdict, _ victim: Candidate?, _ run: RunID,
    incident: UInt32 = 0, available: KiB? = nil, signal: Signal? = nil, ending: OutcomeKind? = nil
  ) {
    let name = domain.name
    let policy = domain.policy
    bytes.removeAll(keepingCapacity: true)
    add("EVENT") { text in text.append(occasion.name) }
    add("DOMAIN") { text in
      if let name { text.append(visible: policy.bytes(name)) } else { text.append("system") }
    }
    add("EPISODE") { text in text.append(decimal: UInt64(verdict.episode)) }
    if incident > 0 { add("INCIDENT") { text in text.append(incident: incident, of: run) } }
    add("LEVEL") { text in text.append(verdict.level.name) }
    add("TRIGGER") { text in text.append(verdict.trigger.name) }
    add("REASON") { text in text.append(reason: verdict) }
    add("TOTAL_KIB") { text in text.append(decimal: verdict.reading.total.count) }
    add("AVAILABLE_KIB") { text in text.append(decimal: (available ?? verdict.reading.available).count) }
    guard let victim else { return }
    add("PID") { text in text.append(decimal: Int64(victim.process.identity.pid)) }
    add("COMM") { text in text.append(visible: victim.process.comm.bytes) }
    add("UID") { text in text.append(decimal: UInt64(victim.process.effectiveUID)) }
    add("FOOTPRINT_KIB") { text in text.append(decimal: victim.process.footprint.count) }
    if let signal { add("SIGNAL") { text in text.append(signal.name) } }
    if let ending { add("OUTCOME") { text in text.append(ending.name) } }
  }

  private mutating func add(_ name: String, _ write: (inout [UInt8]) -> Void) {
    bytes.append("SPILLWAY_")
    bytes.append(name)
    bytes.append("=")
    write(&bytes)
    bytes.append(0)
  }

  /// The victim's cgroup and system unit, as far as they can be told: what restarts a unit has to know which.
  mutating func addCgroup<M: Machine & ~Copyable>(of pid: Int32, _ machine: inout M) {
    do throws(ReadFailure) {
      try machine.read(.cgroup, of: pid, into: &file)
    } catch {
      return
    }
    guard let membership = try? CgroupMembership(parsing: file.bytes),
      membership.path.count <= AgentTiming.hookPath
    else { return }
    let text = file
    add("CGROUP") { line in line.append(visible: text.bytes.extracting(membership.path)) }
    if let unit = membership.unit {
      add("UNIT") { line in line.append(visible: text.bytes.extracting(unit)) }
    }
  }
}
