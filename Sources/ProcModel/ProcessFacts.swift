/// What tells one process from every other, also from a later one with the same number.
package struct ProcessIdentity: Equatable, Hashable, Sendable {
  package var pid: Int32
  /// Since boot, field 22 of `/proc/PID/stat`.
  package var startTime: Ticks

  package init(pid: Int32, startTime: Ticks) {
    self.pid = pid
    self.startTime = startTime
  }
}

/// One process as a survey found it: everything badness and ranking ask, and no text but its name.
package struct ProcessFacts: Sendable {
  package var identity: ProcessIdentity
  package var parent: Int32 = 0
  /// Fields 5 and 6 of `/proc/PID/stat`. 0 where it belongs to another pid namespace.
  package var processGroup: Int32 = 0
  package var session: Int32 = 0
  /// Whether it has a controlling terminal: field 7 of `/proc/PID/stat`.
  package var hasTerminal = false
  /// Whether it lives in a pid namespace below that of the proc file system.
  package var isInNamespace = false
  package var comm = Comm()
  /// As ``ProcessStat/image``.
  package var image: UInt64 = 0
  /// The state letter of proc(5): `R`, `S`, `D`, `Z`, `T`, …
  package var state: UInt8 = UInt8(ascii: "S")
  package var isKernelThread = false
  package var threads: UInt32 = 1
  /// −20…19.
  package var nice: Int8 = 0
  /// User and system time of all its threads.
  package var cpu = Ticks.zero
  /// Since its start; nil where it is not known, which never counts for an end.
  package var age: Ticks? = .zero
  package var realUID: UInt32 = 0
  package var effectiveUID: UInt32 = 0
  package var effectiveGID: UInt32 = 0
  package var effectiveCapabilities: CapabilitySet = []

  /// The address space, `total_vm`.
  package var virtual = KiB.zero
  /// Resident: anonymous, file and shared pages together.
  package var resident = KiB.zero
  package var anonymous = KiB.zero
  package var file = KiB.zero
  /// Resident pages of shared memory and tmpfs.
  package var shared = KiB.zero
  package var swap = KiB.zero
  package var pageTables = KiB.zero

  /// −1000…1000; −1000 is never ended.
  package var oomScoreAdj: Int16 = 0
  /// What the kernel says in `/proc/PID/oom_score`; nil where it could not be read.
  package var oomScore: Int32?

  /// Whether it is in swapoff(2), and reads swap back into memory that may not be there: the kernel's own killer takes
  /// such a process first (`oom_task_origin`, mm/oom_kill.c).
  package var isSwappingOff = false

  /// What of the above is not known, and stands as it would for nobody.
  package var unread: UnreadFacts = []

  /// A hash of its cgroup's path, or nil at the root or where unknown: equal keys are taken for one cgroup.
  package var cgroupKey: UInt64?
  /// The same of the cgroup that accounts its memory, in whatever hierarchy; 0 at the root.
  package var memoryKey: UInt64 = 0
  /// The memory domains that it lies in.
  package var domains = DomainSet.system

  // Known only beside its neighbours: set by the survey once all are read.

  /// Address space of its children that have one, for the formula `linux-2.6`.
  package var childrenVirtual = KiB.zero
  /// Of ``shared``, what is counted with other processes that are taken to map the same memory.
  package var sharedElsewhere = KiB.zero
  /// How fast its footprint grew lately, in KiB per second; 0 where nothing is known.
  package var growthPerSecond = KiB.zero

  package init(identity: ProcessIdentity) {
    self.identity = identity
  }

  /// What ending it would give back: anonymous memory, swap, page tables and its share of shared memory. File pages
  /// are not counted: the kernel can drop those without an end.
  package var footprint: KiB {
    anonymous + swap + pageTables + ownShared
  }
}

extension ProcessFacts {
  /// Its share of shared memory.
  package var ownShared: KiB { shared - sharedElsewhere }

  /// Whether the hierarchy that accounts memory has it in the cgroup of the same path, or in none but the root, so that it
  /// says nothing more.
  package var hasOneCgroup: Bool { memoryKey == 0 || cgroupKey == memoryKey }
}

/// Facts that a survey could not tell.
package struct UnreadFacts: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package static let user = UnreadFacts(rawValue: 1)
  package static let group = UnreadFacts(rawValue: 2)
  /// ``ProcessFacts/isInNamespace``.
  package static let namespace = UnreadFacts(rawValue: 4)
  package static let oomScoreAdj = UnreadFacts(rawValue: 8)
  package static let capabilities = UnreadFacts(rawValue: 32)
  /// Which cgroup of the machine it is in, and so its unit. ``ProcessFacts/cgroupKey`` may tell it from others all the
  /// same.
  package static let cgroup = UnreadFacts(rawValue: 64)
}

/// The machine as the formulas see it.
package struct MachineFacts: Equatable, Sendable {
  /// What shares of memory are of: as ``MemoryReading/total``.
  package var ram: KiB
  /// As ``MemoryReading/hugePool``: the kernel's formulas count it in.
  package var hugePool: KiB
  package var swap: KiB
  package var units: KernelUnits

  package init(ram: KiB, hugePool: KiB = .zero, swap: KiB, units: KernelUnits) {
    self.ram = ram
    self.hugePool = hugePool
    self.swap = swap
    self.units = units
  }

  package init(_ reading: MemoryReading, units: KernelUnits) {
    self.init(ram: reading.total, hugePool: reading.hugePool, swap: reading.swapTotal, units: units)
  }

  /// RAM and swap in pages, huge pages with them: the kernel's `totalpages` outside any cgroup.
  package var totalPages: UInt64 {
    units.pages(ram + hugePool + swap)
  }
}
