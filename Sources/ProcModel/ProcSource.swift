/// A kernel file about the machine.
package enum SystemFile: UInt8, CaseIterable, Sendable {
  case meminfo
  case vmstat
  case memoryPressure
  case swaps
  case uptime
  /// ZFS's, where there is one.
  case arcstats

  /// Its path below the root of the proc file system.
  package var path: String {
    switch self {
    case .meminfo: "meminfo"
    case .vmstat: "vmstat"
    case .memoryPressure: "pressure/memory"
    case .swaps: "swaps"
    case .uptime: "uptime"
    case .arcstats: "spl/kstat/zfs/arcstats"
    }
  }
}

/// A kernel file about one process.
package enum ProcessFile: UInt8, CaseIterable, Sendable {
  case stat
  case statm
  case status
  case cgroup
  case oomScore
  case oomScoreAdj
  /// The system call that it waits in. Asked only of a process that may be in swapoff(2): reading it takes a lock that
  /// execve(2) holds.
  case syscall
  /// A symbolic link: reading gives its target.
  case exe
  /// Takes the target's mmap lock and may wait for its pages: read in calm time, and in a decision by
  /// ``ProcSource/readOrGiveUp(_:of:into:)`` alone.
  case cmdline

  package var path: String {
    switch self {
    case .stat: "stat"
    case .statm: "statm"
    case .status: "status"
    case .cgroup: "cgroup"
    case .oomScore: "oom_score"
    case .oomScoreAdj: "oom_score_adj"
    case .syscall: "syscall"
    case .exe: "exe"
    case .cmdline: "cmdline"
    }
  }
}

/// What can keep a file from being read.
package enum ReadFailure: Error, Equatable, Sendable {
  /// The process, or the file, is not there (any more): an ordinary outcome.
  case vanished
  /// Not ours to read (EACCES, EPERM: hidepid, a missing capability).
  case denied
  /// Anything else, with the kernel's error number.
  case failed(errno: Int32)
}

/// Where readings come from: the live kernel, a tree of captured files, a recording.
///
/// It gives raw bytes and parses nothing, so that a mended parser can be run again on an old recording.
package protocol ProcSource: ~Copyable {
  /// Fills `buffer` with the file, cut at its capacity.
  mutating func read(_ file: SystemFile, into buffer: inout ByteBuffer) throws(ReadFailure)

  /// What its names of cgroups, users and groups mean.
  var view: ProcView { get }

  /// The present on the clock of start times (`CLOCK_BOOTTIME`), where the source is live; nil where `uptime` tells it, as
  /// in a captured tree. A live `uptime` may be that of a container (lxcfs), where start times are the machine's.
  var clock: Nanoseconds? { get }

  /// Whether something stands in the place of the kernel's file, as lxcfs(1) puts it there in a container.
  func isReplaced(_ file: SystemFile) -> Bool

  /// Fills `buffer` with `/sys/block/zramN/mm_stat`.
  ///
  /// - Parameter index: N.
  mutating func readZram(_ index: Int32, into buffer: inout ByteBuffer) throws(ReadFailure)

  /// The hierarchy that accounts memory; nil where the source shows none.
  var cgroupVersion: CgroupVersion? { get }

  /// Fills `buffer` with the file of a memory cgroup.
  ///
  /// - Parameter path: Of the cgroup, as `/proc/PID/cgroup` has it; an empty one is the root.
  mutating func read(_ file: CgroupFile, ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer)
    throws(ReadFailure)

  /// Fills `buffer` with the path of a memory cgroup's directory.
  ///
  /// - Returns: False where it is not to be seen.
  mutating func place(ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool

  /// Fills `buffer` with the file of process `pid`.
  mutating func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer)
    throws(ReadFailure)

  /// As ``read(_:of:into:)``, for a file that may keep its reader waiting: gives up after a short time. From then on every
  /// such reading fails at once, until the one that was given up has come to an end.
  ///
  /// - Throws: `failed` with `ETIMEDOUT` where it was given up, or ``prepareToGiveUp(_:)`` was not asked to make it ready.
  mutating func readOrGiveUp(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure)

  /// Makes ready what ``readOrGiveUp(_:of:into:)`` takes, or gives that back. Allocates: for the start and for reloads.
  ///
  /// - Throws: Why it cannot be made ready.
  mutating func prepareToGiveUp(_ isNeeded: Bool) throws(ReadFailure)

  /// Fills `buffer` with the file of one thread of process `pid`.
  mutating func read(
    _ file: ProcessFile, ofThread thread: Int32, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure)

  /// Begins a walk over all processes.
  mutating func beginProcesses() throws(ReadFailure)

  /// The next process of the walk, or nil at its end. Any order; each at least once if it lives all the while.
  mutating func nextProcess() throws(ReadFailure) -> Int32?

  /// Begins a walk over the threads of process `pid`, beside that over all processes.
  ///
  /// - Parameter start: So many of them are left out, where the source can: else the walk begins with the first.
  mutating func beginThreads(of pid: Int32, at start: Int) throws(ReadFailure)

  /// The next thread of that walk, or nil at its end. The leader may be among them.
  mutating func nextThread() throws(ReadFailure) -> Int32?

  /// The effective capabilities of `pid` by a better way than its `status`, where the source has one (libcap on the
  /// live kernel).
  mutating func effectiveCapabilities(of pid: Int32) -> CapabilitySet?
}

extension ProcSource where Self: ~Copyable {
  // A source whose files keep nobody waiting.

  package mutating func readOrGiveUp(
    _ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    try read(file, of: pid, into: &buffer)
  }

  package mutating func prepareToGiveUp(_ isNeeded: Bool) throws(ReadFailure) {}
}
