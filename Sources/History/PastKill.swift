package import ProcModel

/// What killed, or would have.
package enum Killer: UInt8, CaseIterable, Sendable {
  case spillway
  case kernel
  case systemdOomd
  case oomd
  case earlyoom
  case nohang
  case lowmemorykiller
  /// A process sent a signal, or nothing tells which killer it was.
  case unknown

  /// As it is shown, and as JSON has it.
  package var name: String {
    switch self {
    case .spillway: "spillway"
    case .kernel: "kernel"
    case .systemdOomd: "systemd-oomd"
    case .oomd: "oomd"
    case .earlyoom: "earlyoom"
    case .nohang: "nohang"
    case .lowmemorykiller: "lowmemorykiller"
    case .unknown: "unknown"
    }
  }
}

/// What was done to the victim.
package enum Deed: Equatable, Sendable {
  case killed
  /// By Spillway in a dry run, which sends no signal.
  case rehearsed
  /// It was chosen, and lived: it had exited, memory was back, or it could not be signalled. The outcome's name.
  case spared([UInt8])
  /// The kernel panicked in place of killing.
  case panicked
  /// A service manager saw it die of this signal, and no killer's message says why.
  case signalled(Int32)

  /// As JSON has it.
  package var name: String {
    switch self {
    case .killed: "killed"
    case .rehearsed: "would_kill"
    case .spared: "spared"
    case .panicked: "panic"
    case .signalled: "signalled"
    }
  }
}

/// Where something is told.
package struct Origins: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package static let record = Origins(rawValue: 1)
  package static let journal = Origins(rawValue: 2)
  package static let kernelRing = Origins(rawValue: 4)
  package static let logFile = Origins(rawValue: 8)

  /// As JSON has them.
  package var names: [String] {
    var names: [String] = []
    if contains(.record) { names.append("record") }
    if contains(.journal) { names.append("journal") }
    if contains(.kernelRing) { names.append("kmsg") }
    if contains(.logFile) { names.append("log") }
    return names
  }
}

/// When something happened, as far as is told.
package struct PastTime: Equatable, Sendable {
  /// Nil where a line has no time, or one that cannot be read.
  package var wall: WallTime?
  /// Microseconds on the clock of the kernel's log, which stands while the machine sleeps.
  package var sinceBoot: UInt64?
  /// The boot's id as 32 hexadecimal digits; nil where no source tells.
  package var boot: [UInt8]?
  /// Whether the wall time was reckoned from ``sinceBoot``, and is wrong by as long as the machine slept since.
  package var isReckoned = false

  package init(wall: WallTime? = nil, sinceBoot: UInt64? = nil, boot: [UInt8]? = nil) {
    self.wall = wall
    self.sinceBoot = sinceBoot
    self.boot = boot
  }
}

/// Which process, unit or cgroup was the victim. Text is as the source has it: bytes of a process, untrusted.
package struct PastVictim: Equatable, Sendable {
  package var pid: Int32?
  package var name: [UInt8]?
  package var uid: UInt32?
  package var unit: [UInt8]?
  package var cgroup: [UInt8]?
  package var executable: [UInt8]?
  /// The number of processes that were killed together; 1 where nothing is told.
  package var count: UInt64 = 1
  /// Processes of the kill set, where the source names them.
  package var companions: [Int32] = []

  package init(pid: Int32? = nil, name: [UInt8]? = nil, uid: UInt32? = nil) {
    self.pid = pid
    self.name = name
    self.uid = uid
  }
}

/// What the victim had, or would have given back. Sums saturate.
package struct VictimMemory: Equatable, Sendable {
  package var virtual: KiB?
  package var anonymous: KiB?
  package var file: KiB?
  package var shared: KiB?
  package var pageTables: KiB?
  package var swap: KiB?
  /// What killing it gives back, as its killer counted.
  package var footprint: KiB?

  package init() {}

  /// The footprint, or what is resident.
  package var shown: KiB? {
    if let footprint { return footprint }
    guard let anonymous else { return nil }
    return anonymous + (file ?? .zero) + (shared ?? .zero)
  }
}

/// What ran short, in the kernel's words.
package enum Constraint: UInt8, Sendable {
  /// All memory of the machine (`CONSTRAINT_NONE`).
  case machine
  /// The memory of a cpuset's nodes.
  case cpuset
  /// The memory of the nodes that a process is bound to (mbind(2)).
  case memoryPolicy
  /// A control group reached its own limit.
  case controlGroup

  /// As JSON has it.
  package var name: String {
    switch self {
    case .machine: "machine"
    case .cpuset: "cpuset"
    case .memoryPolicy: "memory_policy"
    case .controlGroup: "cgroup"
    }
  }
}

/// Why memory was short.
package struct PastShortage: Equatable, Sendable {
  /// Nil where the source does not say: a lone "Killed process" is also written for a control group.
  package var constraint: Constraint?
  /// The control group that reached its limit, or whose pressure was too high.
  package var limited: [UInt8]?
  /// The name of the process that asked for memory in vain.
  package var invoker: [UInt8]?
  /// Whether all of the control group is killed (`memory.oom.group`).
  package var isWholeGroup = false
  /// Whether a person asked for it (sysrq f).
  package var isManual = false

  package init() {}
}

/// What Spillway's record says of one of its own decisions.
package struct PastDecision: Equatable, Sendable {
  package var incident: [UInt8] = []
  package var domain: [UInt8] = []
  package var trigger: [UInt8] = []
  package var rule: [UInt8]?
  /// The signal that was sent first, or would have been.
  package var action: [UInt8] = []
  /// `exited`, `killed`, …; nil where the record has no outcome.
  package var outcome: [UInt8]?
  /// Why SIGKILL followed SIGTERM.
  package var escalation: [UInt8]?
  /// Milliseconds from the first signal to the victim's death.
  package var after: UInt64?
  package var freed: KiB?
  package var available: KiB?
  package var floor: KiB?

  package init() {}
}

/// A kill, or one that would have been, as one source or several tell of it.
package struct PastKill: Equatable, Sendable {
  package var time: PastTime
  package var killer: Killer
  package var deed: Deed
  package var victim: PastVictim
  package var memory = VictimMemory()
  package var shortage = PastShortage()
  /// In the killer's own words; empty where it gives none.
  package var reason: [UInt8] = []
  /// Of Spillway's own kills.
  package var decision: PastDecision?
  package var origins: Origins
  /// Whether a source tells of it that no ordinary process can write. A text log is none.
  package var isProven: Bool
  /// Whether it is only a service manager's word that something was killed in a unit.
  package var isEcho = false

  package init(
    _ time: PastTime, by killer: Killer, _ deed: Deed, _ victim: PastVictim, from origins: Origins, isProven: Bool
  ) {
    self.time = time
    self.killer = killer
    self.deed = deed
    self.victim = victim
    self.origins = origins
    self.isProven = isProven
  }
}
