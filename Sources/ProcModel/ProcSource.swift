/// The kernel files about the machine.
package enum SystemFile: UInt8, CaseIterable, Sendable {
  case meminfo
  case vmstat
  case memoryPressure
  case swaps
  case uptime
  /// The counters of ZFS's cache, where ZFS is loaded.
  case arcstats
  /// Its last number is that of the newest process or thread.
  case loadavg

  /// The file's path below the root of the proc file system.
  package var path: String {
    switch self {
    case .meminfo: "meminfo"
    case .vmstat: "vmstat"
    case .memoryPressure: "pressure/memory"
    case .swaps: "swaps"
    case .uptime: "uptime"
    case .arcstats: "spl/kstat/zfs/arcstats"
    case .loadavg: "loadavg"
    }
  }
}

/// The kernel files about one process.
package enum ProcessFile: UInt8, CaseIterable, Sendable {
  case stat
  case statm
  case status
  case cgroup
  case oomScore
  case oomScoreAdj
  /// The system call in which the process waits. It is read only of a process that may be in swapoff(2): reading it
  /// takes a lock that execve(2) holds.
  case syscall
  /// A symbolic link to the executable. Reading it gives the link's target.
  case exe
  /// Takes the target's mmap lock and may wait for its pages: read in calm time, and in a decision by
  /// ``ProcSource/readOrGiveUp(_:of:into:)`` alone.
  case cmdline
  /// Takes the target's mmap lock, and time by what the target holds: read in calm time alone, by
  /// ``ProcSource/readOrGiveUp(_:of:into:)``, and of no large process.
  case smapsRollup

  /// The file's name in the process's directory.
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
    case .smapsRollup: "smaps_rollup"
    }
  }
}

/// Why a file could not be read.
package enum ReadFailure: Error, Equatable, Sendable {
  /// The process or the file does not exist, or exists no longer. This is an ordinary outcome.
  case vanished
  /// The reader may not read the file (EACCES, EPERM: hidepid, a missing capability).
  case denied
  /// Any other reason, with the kernel's error number.
  case failed(errno: Int32)
}

/// A source of kernel files: the live kernel, a tree of captured files, or a recording.
///
/// It gives raw bytes and parses nothing, so that a corrected parser can be run again on an old recording.
package protocol ProcSource: ~Copyable {
  /// Fills `buffer` with a file about the machine, cut at the buffer's capacity.
  mutating func read(_ file: SystemFile, into buffer: inout ByteBuffer) throws(ReadFailure)

  /// What the source's names of cgroups, users and groups mean.
  var view: ProcView { get }

  /// The present on the clock of start times (`CLOCK_BOOTTIME`), where the source is live. Nil for a captured tree,
  /// whose `uptime` tells the present. A live `uptime` may be a container's (lxcfs), while start times are the
  /// machine's.
  var clock: Nanoseconds? { get }

  /// Whether another file stands in the place of the kernel's, as lxcfs(1) puts it there in a container.
  func isReplaced(_ file: SystemFile) -> Bool

  /// - Parameter index: The device's number N.
  mutating func readZram(_ index: Int32, into buffer: inout ByteBuffer) throws(ReadFailure)

  /// The version of the hierarchy that accounts memory; nil where the source shows none.
  var cgroupVersion: CgroupVersion? { get }

  /// Fills `buffer` with a file of a memory cgroup.
  ///
  /// - Parameter path: The cgroup's path of `/proc/PID/cgroup`. An empty path is the root.
  mutating func read(_ file: CgroupFile, ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer)
    throws(ReadFailure)

  /// Fills `buffer` with the path of a memory cgroup's directory.
  ///
  /// - Returns: False where the source does not show the cgroup.
  mutating func place(ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool

  /// Fills `buffer` with a file of process `pid`, cut at the buffer's capacity.
  mutating func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer)
    throws(ReadFailure)

  /// As ``read(_:of:into:)``, for a file that may keep its reader waiting: gives up after a short time. From then on
  /// every such reading fails at once, until the one that was given up has come to an end.
  ///
  /// - Throws: `failed` with `ETIMEDOUT` where it was given up, or ``prepareToGiveUp()`` did not make it ready.
  mutating func readOrGiveUp(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure)

  /// Makes ready what ``readOrGiveUp(_:of:into:)`` takes. Allocates: for the start.
  ///
  /// - Throws: Why it cannot be made ready.
  mutating func prepareToGiveUp() throws(ReadFailure)

  /// Fills `buffer` with the file of one thread of process `pid`.
  mutating func read(
    _ file: ProcessFile, ofThread thread: Int32, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure)

  /// Begins a walk over all processes.
  mutating func beginProcesses() throws(ReadFailure)

  /// Returns the next process of the walk, or nil at its end. The order is arbitrary. A process that lives all the
  /// while comes at least once.
  mutating func nextProcess() throws(ReadFailure) -> Int32?

  /// Begins a walk over the threads of process `pid`. The walk over all processes is not disturbed.
  ///
  /// - Parameter start: The number of threads to skip. A source that cannot skip begins with the first.
  mutating func beginThreads(of pid: Int32, at start: Int) throws(ReadFailure)

  /// Returns the next thread of that walk, or nil at its end. The leader may be among the threads.
  mutating func nextThread() throws(ReadFailure) -> Int32?

  /// Returns the effective capabilities of `pid`, where the source has a better way to learn them than `status` (libcap
  /// on the live kernel); nil otherwise.
  mutating func effectiveCapabilities(of pid: Int32) -> CapabilitySet?
}

extension ProcSource where Self: ~Copyable {
  /// Whether a process lives: one that is about to exit does not, and neither does a zombie, unless threads of it live. Nil
  /// where its `stat` cannot be read for another reason than that the process is gone.
  package mutating func isAlive(_ process: ProcessIdentity, _ buffer: inout ByteBuffer) -> Bool? {
    do throws(ReadFailure) {
      try read(.stat, of: process.pid, into: &buffer)
    } catch {
      return error == .vanished ? false : nil
    }
    guard let stat = try? ProcessStat(parsing: buffer.bytes) else { return nil }
    guard stat.startTime == process.startTime else { return false }
    return stat.isDead ? stat.threads > 1 : !stat.isLeaving(buffer.bytes)
  }

  // A source whose files keep no reader waiting.

  package mutating func readOrGiveUp(
    _ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    try read(file, of: pid, into: &buffer)
  }

  package mutating func prepareToGiveUp() throws(ReadFailure) {}
}
