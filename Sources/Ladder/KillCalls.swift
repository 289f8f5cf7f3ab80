package import LinuxSystem
package import ProcModel

/// The system calls by which a process is held, signalled and watched until it exits: between what a ``Killer`` decides
/// and what the kernel does, so that each call can be made to fail in each way it can.
package protocol KillCalls {
  /// pidfd_open(2). The descriptor is the caller's to give back to ``close(_:)``.
  func open(_ pid: Int32) throws(Errno) -> Int32
  func close(_ process: Int32)
  /// Fills `buffer` with the file of process `pid`.
  ///
  /// - Parameters:
  ///   - file: `stat`, `status` or `cgroup`, none of which takes the lock of the process's memory.
  ///   - path: Scratch.
  func read(_ file: ProcessFile, of pid: Int32, path: inout CPath, into buffer: inout ByteBuffer) throws(Errno)
  /// pidfd_send_signal(2).
  func send(_ signal: Signal, to process: Int32) throws(Errno)
  /// The same for every process of the group that the held process leads; `EINVAL` where the kernel cannot.
  func send(_ signal: Signal, toGroupLedBy process: Int32) throws(Errno)
  /// The same by the group's number.
  func send(_ signal: Signal, toGroupOf proof: borrowing GroupProof) throws(Errno)
  /// getpgid(2).
  func processGroup(of pid: Int32) throws(Errno) -> Int32
  /// As ``ProcessList/fill(group:after:in:)``.
  func list(group: Int32, after last: Int32, into pids: inout ProcessList) throws(Errno)
  /// Gives a held process that is about to be killed the highest priority, all its threads.
  func hasten(_ pid: Int32, _ process: Int32, path: inout CPath) throws(Errno)
  /// Whether a held process has exited.
  func hasExited(_ process: Int32) -> Bool
  /// Whether two processes have one memory (kcmp(2)).
  func haveOneMemory(_ first: Int32, _ second: Int32) throws(Errno) -> Bool

  /// Adds a process to the next ``release()``.
  func stage(_ process: Int32) throws(Errno)
  /// Has the memory of those staged given back (process_mrelease(2)); does not wait.
  func release() throws(Errno)
  /// Whether a cgroup is frozen, itself or by one above it.
  ///
  /// - Parameter cgroup: Its path, within `bytes`.
  func isFrozen(_ cgroup: FreezerPath, of bytes: ByteBuffer, path: inout CPath) throws(Errno) -> Bool
  /// Lets everybody go on who is in that cgroup of the version 1 freezer hierarchy. By a path that was read just
  /// before: where the process was moved in between, a cgroup is thawed that it was frozen in at that time.
  ///
  /// - Parameter cgroup: Its path, within `bytes`.
  func thaw(_ cgroup: Range<Int>, of bytes: ByteBuffer, path: inout CPath) throws(Errno)
  /// What the last release came to; nil while it is under way, or where nothing can be released.
  var released: HelperResult? { get }
  /// Waits for a millisecond, for a cgroup that is being frozen.
  func pause()
  /// As ``CgroupDirectory/kill()``.
  func kill(_ cgroup: borrowing CgroupDirectory) throws(Errno)
  /// As ``CgroupDirectory/setFrozen(_:)``.
  func setFrozen(_ frozen: Bool, _ cgroup: borrowing CgroupDirectory) throws(Errno)
  /// As ``CgroupDirectory/isToldToFreeze()``.
  func isToldToFreeze(_ cgroup: borrowing CgroupDirectory) throws(Errno) -> Bool
  /// As ``CgroupDirectory/isFrozen()``.
  func isFrozen(_ cgroup: borrowing CgroupDirectory) throws(Errno) -> Bool
  /// As ``CgroupDirectory/keepsKillsBack``.
  func keepsKillsBack(_ cgroup: borrowing CgroupDirectory) -> Bool
  /// As ``CgroupDirectory/list(into:skipping:)``.
  func list(_ cgroup: borrowing CgroupDirectory, into pids: inout ProcessList, skipping skipped: Int) throws(Errno)
  /// Whether a unit's cgroup is told of its kill: a flight of an older release has none of it.
  var marksUnits: Bool { get }
  /// As ``CgroupDirectory/add(_:to:)``.
  func add(_ number: UInt64, to count: UnitCount, of cgroup: borrowing CgroupDirectory) throws(Errno)
  /// Why no cgroup can be written (`EROFS` in a sandbox); nil where cgroups can be, or there are none of version 2.
  var cgroupRefusal: Errno? { get }
}

extension KillCalls {
  package func kill(_ cgroup: borrowing CgroupDirectory) throws(Errno) { try cgroup.kill() }
  package func setFrozen(_ frozen: Bool, _ cgroup: borrowing CgroupDirectory) throws(Errno) {
    try cgroup.setFrozen(frozen)
  }
  package func isToldToFreeze(_ cgroup: borrowing CgroupDirectory) throws(Errno) -> Bool {
    try cgroup.isToldToFreeze()
  }
  package func isFrozen(_ cgroup: borrowing CgroupDirectory) throws(Errno) -> Bool { try cgroup.isFrozen() }
  package func keepsKillsBack(_ cgroup: borrowing CgroupDirectory) -> Bool { cgroup.keepsKillsBack }
  package var marksUnits: Bool { true }
  package func add(_ number: UInt64, to count: UnitCount, of cgroup: borrowing CgroupDirectory) throws(Errno) {
    try cgroup.add(number, to: count)
  }
  package func list(
    _ cgroup: borrowing CgroupDirectory, into pids: inout ProcessList, skipping skipped: Int
  ) throws(Errno) {
    try cgroup.list(into: &pids, skipping: skipped)
  }
}

/// Live implementation: real system calls. Its copies share the root and the helper.
package struct LiveCalls: KillCalls {
  private let root: SharedRoot
  private var helper: SharedHelper?
  package var cgroupRefusal: Errno?

  /// - Parameter proc: The live proc file system's root.
  package init(proc: consuming OwnedDescriptor) {
    root = SharedRoot(proc)
  }

  /// Makes the thread that releases memory. It has the privileges of this moment, so this comes after they were
  /// reduced.
  ///
  /// - Throws: `ENOSYS` before Linux 5.15; as ``HelperThread/init()``.
  package mutating func makeHelper() throws(Errno) {
    guard HelperThread.canReleaseMemory else { throw .notSupported }
    helper = SharedHelper(try HelperThread())
  }

  package func open(_ pid: Int32) throws(Errno) -> Int32 {
    try RawProcess.open(pid)
  }

  package func close(_ process: Int32) {
    RawProcess.close(process)
  }

  package func read(
    _ file: ProcessFile, of pid: Int32, path: inout CPath, into buffer: inout ByteBuffer
  ) throws(Errno) {
    buffer.count = 0
    path.set(pid: pid, file: file.path)
    let file = try root.proc.open(path, .read)
    buffer.count = try file.read(into: &buffer.storage, at: 0)
  }

  package func send(_ signal: Signal, to process: Int32) throws(Errno) {
    try RawProcess.send(signal, to: process)
  }

  package func send(_ signal: Signal, toGroupLedBy process: Int32) throws(Errno) {
    try RawProcess.send(signal, toGroupLedBy: process)
  }

  package func send(_ signal: Signal, toGroupOf proof: borrowing GroupProof) throws(Errno) {
    try RawProcess.send(signal, toGroupOf: proof)
  }

  package func processGroup(of pid: Int32) throws(Errno) -> Int32 {
    try RawProcess.processGroup(of: pid)
  }

  package func list(group: Int32, after last: Int32, into pids: inout ProcessList) throws(Errno) {
    try pids.fill(group: group, after: last, in: root.proc)
  }

  package func hasten(_ pid: Int32, _ process: Int32, path: inout CPath) throws(Errno) {
    path.set(pid: pid, file: "task")
    let tasks = try root.proc.open(path, .read, .directory)
    // Opened by number: only one that is held and lives has had it all the while. The open directory is its for good.
    if !hasExited(process) { try RawProcess.setNice(-20, ofThreadsIn: tasks) }
  }

  package func hasExited(_ process: Int32) -> Bool {
    RawProcess.hasExited(process)
  }

  package func haveOneMemory(_ first: Int32, _ second: Int32) throws(Errno) -> Bool {
    try RawProcess.haveOneMemory(first, second)
  }

  package func stage(_ process: Int32) throws(Errno) {
    guard let helper else { throw .notSupported }
    try helper.thread.stage(process)
  }

  package func release() throws(Errno) {
    guard let helper else { throw .notSupported }
    try helper.thread.release()
  }

  package func isFrozen(_ cgroup: FreezerPath, of bytes: ByteBuffer, path: inout CPath) throws(Errno) -> Bool {
    if let range = cgroup.first {
      path.set("/sys/fs/cgroup/freezer", bytes.bytes.extracting(range), "/freezer.state")
      if try LiveCalls.contains("FROZEN", path) { return true }
    }
    guard let range = cgroup.second else { return false }
    do throws(Errno) {
      path.set("/sys/fs/cgroup", bytes.bytes.extracting(range), "/cgroup.events")
      return try LiveCalls.contains("frozen 1", path)
    } catch .noSuchFile {
      // Beside the hierarchies of version 1.
      path.set("/sys/fs/cgroup/unified", bytes.bytes.extracting(range), "/cgroup.events")
      return try LiveCalls.contains("frozen 1", path)
    }
  }

  private static func contains(_ text: String, _ path: borrowing CPath) throws(Errno) -> Bool {
    let file = try OwnedDescriptor.open(path, .read)
    return try file.contains(text)
  }

  package func thaw(_ cgroup: Range<Int>, of bytes: ByteBuffer, path: inout CPath) throws(Errno) {
    path.set("/sys/fs/cgroup/freezer", bytes.bytes.extracting(cgroup), "/freezer.state")
    let file = try OwnedDescriptor.open(path, .write)
    path.set("", "THAWED".utf8Span.span, "")
    try file.write(path.bytes)
  }

  package func pause() { Clock.pause(milliseconds: 1) }

  /// Of the helper's last job, also where another killer asked for that: a kill set only ever asks for more.
  package var released: HelperResult? { helper?.thread.result }
}

/// The root of the live proc file system, for every killer.
final class SharedRoot {
  let proc: OwnedDescriptor

  init(_ proc: consuming OwnedDescriptor) {
    self.proc = proc
  }
}

/// The thread that releases memory, for every killer.
final class SharedHelper {
  let thread: HelperThread

  init(_ thread: consuming HelperThread) {
    self.thread = thread
  }
}
