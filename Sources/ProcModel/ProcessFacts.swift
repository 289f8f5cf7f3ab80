/// The identity of a process, which no other process has, not even a later one with the same number.
package struct ProcessIdentity: Equatable, Hashable, Sendable {
  package var pid: Int32
  /// The start time since boot: field 22 of `/proc/PID/stat`.
  package var startTime: Ticks

  package init(pid: Int32, startTime: Ticks) {
    self.pid = pid
    self.startTime = startTime
  }
}

/// One process as a survey found it: everything that badness and ranking need, and no text but its name.
package struct ProcessFacts: Sendable {
  package var identity: ProcessIdentity
  /// The parent's process number: field 4 of `/proc/PID/stat`.
  package var parent: Int32 = 0
  /// The process group: field 5 of `/proc/PID/stat`. It is 0 where the group belongs to another pid namespace.
  package var processGroup: Int32 = 0
  /// The session: field 6 of `/proc/PID/stat`. It is 0 where the session belongs to another pid namespace.
  package var session: Int32 = 0
  /// Whether the process has a controlling terminal: field 7 of `/proc/PID/stat`.
  package var hasTerminal = false
  /// Whether the process is in a pid namespace below that of the proc file system.
  package var isInNamespace = false
  package var comm = Comm()
  /// A number that changes when the process executes a program: ``ProcessStat/image``.
  package var image: UInt64 = 0
  /// One page for each of its page faults that needed no input (``ProcessStat/minorFaults``): what it has faulted in since
  /// its birth. No process lives without any, so zero says that it is unknown.
  package var faulted = KiB.zero
  /// The state letter of proc(5): `R`, `S`, `D`, `Z`, `T`, …
  package var state: UInt8 = UInt8(ascii: "S")
  package var isKernelThread = false
  package var threads: UInt32 = 1
  /// −20…19.
  package var nice: Int8 = 0
  /// The CPU time, user and system, of all its threads.
  package var cpu = Ticks.zero
  /// The time since its start. Nil where it is unknown; an unknown age never counts in favour of killing the process.
  package var age: Ticks? = .zero
  package var realUID: UInt32 = 0
  package var effectiveUID: UInt32 = 0
  package var effectiveGID: UInt32 = 0
  package var effectiveCapabilities: CapabilitySet = []

  /// The size of the address space, the kernel's `total_vm`.
  package var virtual = KiB.zero
  /// The resident memory: anonymous, file and shared pages together.
  package var resident = KiB.zero
  /// Resident pages that belong to no file.
  package var anonymous = KiB.zero
  /// Resident pages of files. The kernel can drop them without a kill.
  package var file = KiB.zero
  /// Resident pages of shared memory and tmpfs.
  package var shared = KiB.zero
  /// The swap that its anonymous memory takes.
  package var swap = KiB.zero
  /// The memory that its page tables take.
  package var pageTables = KiB.zero

  /// The adjustment of `/proc/PID/oom_score_adj`, −1000…1000. A process with −1000 is never killed.
  package var oomScoreAdj: Int16 = 0
  /// The kernel's score of `/proc/PID/oom_score`; nil where it could not be read.
  package var oomScore: Int32?

  /// Whether the process is in swapoff(2), and reads swap back into memory that may not be there. The kernel's own
  /// killer takes such a process first (`oom_task_origin`, mm/oom_kill.c).
  package var isSwappingOff = false

  /// The facts above that are unknown. Their fields have the values that a survey gives to what it could not read.
  package var unread: UnreadFacts = []

  /// The hash of its cgroup's path, or nil at the root or where the path is unknown. Processes with equal keys count as
  /// being in one cgroup.
  package var cgroupKey: UInt64?
  /// The hash of the path of the cgroup that accounts its memory, in whichever hierarchy that is; 0 at the root.
  package var memoryKey: UInt64 = 0
  /// The memory domains that the process is in.
  package var domains = DomainSet.system

  // The survey sets these once it has read all processes, since they depend on the others.

  /// The address space of all its children together, for the formula `linux-2.6`.
  package var childrenVirtual = KiB.zero
  /// The part of ``shared`` that is counted with other processes, which are taken to map the same memory.
  package var sharedElsewhere = KiB.zero
  // The choice sets these, from what it remembers of calmer times (``ForkFamilies`` of the module Policy).

  /// The part of ``anonymous`` that is shared copy-on-write with the process that it was forked from, and counts with that:
  /// killing this process alone does not give it back.
  package var anonymousElsewhere = KiB.zero
  /// The part of ``swap`` that is shared so.
  package var swapElsewhere = KiB.zero
  /// The growth of its footprint lately, in KiB per second; 0 where it is unknown.
  package var growthPerSecond = KiB.zero

  // What it is to its relatives; a choice sets these.

  /// Whether its parent lives and has another ``image``, so that its own is none that it was born with in that parent.
  package var hasAnotherImageThanItsParent = false

  /// Whether init or a subreaper adopted it and the leader of its session or group is gone.
  package var isOrphan = false
  /// Whether its ``oomScoreAdj`` is its parent's, and is not to count for that.
  package var inheritsOomScoreAdj = false

  package init(identity: ProcessIdentity) {
    self.identity = identity
  }

  /// The memory that killing the process would give back: the anonymous memory and swap that it alone holds, its page
  /// tables and its share of shared memory. File pages are not counted, since the kernel can drop them without a kill.
  package var footprint: KiB {
    ownAnonymous + ownSwap + pageTables + ownShared
  }
}

extension ProcessFacts {
  /// The anonymous memory that no other process holds.
  package var ownAnonymous: KiB { anonymous - anonymousElsewhere }

  /// The swap that no other process's memory is in.
  package var ownSwap: KiB { swap - swapElsewhere }

  /// Its anonymous memory, resident and swapped out, with all that it shares copy-on-write.
  package var heldAnonymous: KiB { anonymous + swap }

  /// The part of ``heldAnonymous`` that is shared copy-on-write.
  package var forkShared: KiB { anonymousElsewhere + swapElsewhere }

  /// The process's share of the shared memory that it maps.
  package var ownShared: KiB { shared - sharedElsewhere }

  /// Makes an amount of anonymous memory all that it holds, for a process that stands for several.
  package mutating func holdOnly(_ amount: KiB) {
    (anonymous, resident) = (amount, amount)
    (swap, pageTables, shared) = (.zero, .zero, .zero)
    (anonymousElsewhere, swapElsewhere, sharedElsewhere) = (.zero, .zero, .zero)
  }

  /// Whether the cgroup that accounts its memory has the same path as its other cgroup, or is the root, so that
  /// ``memoryKey`` tells nothing more.
  package var hasOneCgroup: Bool { memoryKey == 0 || cgroupKey == memoryKey }
}

/// The facts that a survey could not learn.
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
  /// Whether its parent, or the leader of its session or group, lives: ``ProcessFacts/isOrphan``.
  package static let leaders = UnreadFacts(rawValue: 16)
  package static let capabilities = UnreadFacts(rawValue: 32)
  /// The machine's cgroup that the process is in, and so its unit. ``ProcessFacts/cgroupKey`` may tell that cgroup from
  /// others all the same.
  package static let cgroup = UnreadFacts(rawValue: 64)
}

/// The machine's figures that the formulas need.
package struct MachineFacts: Equatable, Sendable {
  /// The memory that shares are shares of: ``MemoryReading/total``.
  package var ram: KiB
  /// The pool of huge pages: ``MemoryReading/hugePool``. The kernel's formulas count it in.
  package var hugePool: KiB
  /// The machine's swap, used and free.
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

  /// The pages of RAM, huge pages and swap together: the kernel's `totalpages` outside of any cgroup.
  package var totalPages: UInt64 {
    units.pages(ram + hugePool + swap)
  }
}
