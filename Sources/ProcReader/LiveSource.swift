package import LinuxSystem
package import ProcModel

/// The kernel's files below a root: the live `/proc`, or a tree of captured or composed files of the same shape.
///
/// The machine's files stay open and are read anew with pread(2); a process's files are opened, read and closed. Files
/// that stand in the place of the kernel's, as lxcfs puts them into a container, are read by a thread of their own; by
/// another one those of a process that may wait for its memory, where that is no time to wait.
package struct LiveSource: ProcSource, ~Copyable {
  private let root: OwnedDescriptor
  private var system: SystemFiles
  private var processes: DirectoryWalk
  private var threads = DirectoryWalk(capacity: threadBytes)
  private var path = CPath("")
  private var zramPath = CPath("")
  private let capabilities: CapabilityReader?
  private var cgroups: CgroupFiles?
  /// Nil where ``prepareToGiveUp()`` was not called.
  private var waiter: FileReader?
  package private(set) var view = ProcView()
  /// The translation of cgroup paths; nil where paths are the machine's already, or cannot be translated.
  private var translation: CgroupTranslation?

  /// Whether the root is a proc file system, whose numbers are those of living processes.
  package let isLive: Bool

  // Bytes of a buffer for getdents64(2): one call returns about 300 entries of /proc.
  private static let walkBytes = 8 * 1024
  // One call returns about 40 threads. Only the threads of a dead leader are listed, which is rare.
  private static let threadBytes = 1024

  private init(
    root: consuming OwnedDescriptor, system: consuming SystemFiles, processes: consuming DirectoryWalk,
    capabilities: consuming CapabilityReader?, cgroups: consuming CgroupFiles?, isLive: Bool
  ) {
    self.root = root
    self.system = system
    self.processes = processes
    self.capabilities = capabilities
    self.cgroups = cgroups
    self.isLive = isLive
    waiter = nil
    translation = nil
  }

  /// Opens the root and the machine's files below it. Only the root must exist.
  ///
  /// - Throws: Why the root cannot be opened.
  package static func open(root path: CPath) throws(Errno) -> LiveSource {
    let root = try OwnedDescriptor.open(path, .read, .directory)
    let isLive = try root.fileSystemType() == OwnedDescriptor.procFileSystem
    // The walk takes a second descriptor of the root, since it has a position of its own.
    let walk = DirectoryWalk(try OwnedDescriptor.open(path, .read, .directory), capacity: walkBytes)
    let system = try SystemFiles(
      below: root, isReplaced: try root.fileSystemType() == OwnedDescriptor.fuseFileSystem)
    // A captured tree has no cgroups, and those of this machine say nothing about it.
    let cgroups = isLive ? try? CgroupFiles(below: root) : nil
    var source = LiveSource(
      root: root, system: system, processes: walk,
      capabilities: isLive ? try CapabilityReader() : nil, cgroups: cgroups, isLive: isLive)
    source.learnView()
    return source
  }

  /// Gives the paths of cgroups from the machine's root on, and reads cgroups there.
  ///
  /// - Parameter folder: The folder where the machine's hierarchies are mounted, such as a host's `/sys/fs/cgroup` in a
  ///   container.
  package mutating func takeCgroups(from folder: CPath) throws(CgroupRootFailure) {
    guard isLive else { throw .captured }
    let found = try CgroupRoot(folder, proc: root)
    translation = found.translation
    if !showsProcessOne() {
      translation = nil
      throw .part
    }
    view.showsAllCgroups = true
    cgroups = found.takeFiles()
  }

  private mutating func learnView() {
    view.showsAllCgroups = showsProcessOne()
    // The mounts here show only the reader's own part, and a path below them is another cgroup than the machine's of
    // that path.
    if !view.showsAllCgroups { cgroups = nil }
    if isLive { learnUsers() }
  }

  /// Whether the cgroups of process 1 are within what paths are relative to. True where they cannot be read.
  private mutating func showsProcessOne() -> Bool {
    var buffer = ByteBuffer(capacity: 8 * 1024)
    do throws(ReadFailure) {
      try read(.cgroup, of: 1, into: &buffer)
    } catch {
      return true
    }
    guard let membership = try? CgroupMembership(parsing: buffer.bytes) else { return true }
    return !membership.isOutside && !membership.isMemoryOutside
  }

  /// Learns which IDs stand for users and groups that this user namespace does not map.
  private mutating func learnUsers() {
    view.unmappedUser = unmapped("self/uid_map", "sys/kernel/overflowuid")
    view.unmappedGroup = unmapped("self/gid_map", "sys/kernel/overflowgid")
  }

  private func unmapped(_ map: String, _ overflow: String) -> UInt32? {
    var bytes = [UInt8](repeating: 0, count: 64)
    guard let count = try? root.open(CPath(map), .read).readWhole(into: &bytes),
      let map = try? IdentityMap(parsing: bytes.span.extracting(0..<count)), !map.isWhole
    else { return nil }
    // This is DEFAULT_OVERFLOWUID (include/linux/highuid.h), for when the setting is hidden.
    guard let count = try? root.open(CPath(overflow), .read).readWhole(into: &bytes) else { return 65_534 }
    var scanner = ByteScanner(bytes.span.extracting(0..<count))
    return (try? scanner.decimal()).flatMap { UInt32(exactly: $0) } ?? 65_534
  }

  package mutating func read(_ file: SystemFile, into buffer: inout ByteBuffer) throws(ReadFailure) {
    buffer.count = 0
    do throws(Errno) {
      buffer.count = try system.read(file, below: root, into: &buffer.storage)
    } catch {
      throw ReadFailure(error)
    }
  }

  package var clock: Nanoseconds? { isLive ? Nanoseconds(Clock.sinceBoot()) : nil }

  package func isReplaced(_ file: SystemFile) -> Bool { system.isReplaced(file) }

  package mutating func readZram(_ index: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    buffer.count = 0
    // A captured tree has no /sys, and that of this machine says nothing about it.
    guard isLive else { throw .vanished }
    zramPath.setZram(index)
    do throws(Errno) {
      let file = try root.open(zramPath, .read)
      buffer.count = try file.read(into: &buffer.storage, at: 0)
    } catch {
      throw ReadFailure(error)
    }
  }

  package var cgroupVersion: CgroupVersion? {
    switch cgroups {
    case .some(let cgroups): cgroups.version
    case .none: nil
    }
  }

  package mutating func read(
    _ file: CgroupFile, ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    buffer.count = 0
    do throws(Errno) {
      guard let count = try cgroups?.read(file, of: path, into: &buffer.storage) else { throw .noSuchFile }
      buffer.count = count
    } catch {
      throw ReadFailure(error)
    }
  }

  package mutating func place(ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool {
    switch cgroups {
    case .some(let cgroups): cgroups.place(of: path, into: &buffer)
    case .none: false
    }
  }

  /// Returns the path of a cgroup's file, for callers that do more than read it; nil where the source does not show the
  /// cgroup. Allocates.
  package func path(_ file: CgroupFile, ofCgroup path: Span<UInt8>) -> CPath? {
    switch cgroups {
    case .some(let cgroups): cgroups.path(file, of: path)
    case .none: nil
    }
  }

  /// Opens the root of the unified hierarchy, where that accounts memory.
  ///
  /// - Throws: Why it cannot be opened; `ENOENT` where there is none, or only a part of it is mounted.
  package func unifiedRoot() throws(Errno) -> OwnedDescriptor {
    switch cgroups {
    case .some(let cgroups): return try cgroups.unifiedRoot()
    case .none: throw .noSuchFile
    }
  }

  package mutating func read(
    _ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    path.set(pid: pid, file: file.path)
    try readPath(asLink: file == .exe, into: &buffer)
    if file == .cgroup { translation?.translate(&buffer) }
  }

  package mutating func readOrGiveUp(
    _ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    // An ordinary file waits for no process.
    guard isLive else { return try read(file, of: pid, into: &buffer) }
    buffer.count = 0
    path.set(pid: pid, file: file.path)
    do throws(Errno) {
      guard let count = try waiter?.readOnce(path, into: &buffer.storage) else { throw .timedOut }
      buffer.count = count
    } catch {
      throw ReadFailure(error)
    }
  }

  package mutating func prepareToGiveUp() throws(ReadFailure) {
    guard isLive, waiter == nil else { return }
    do throws(Errno) {
      waiter = try FileReader(below: root, of: .processes)
    } catch {
      throw ReadFailure(error)
    }
  }

  package mutating func read(
    _ file: ProcessFile, ofThread thread: Int32, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    path.set(pid: pid, thread: thread, file: file.path)
    try readPath(asLink: file == .exe, into: &buffer)
  }

  private func readPath(asLink: Bool, into buffer: inout ByteBuffer) throws(ReadFailure) {
    buffer.count = 0
    do throws(Errno) {
      if asLink {
        buffer.count = try root.readLink(path, into: &buffer.storage)
      } else {
        // The kernel makes each of these files in one piece, so one read gives all of it, or all that fits.
        let file = try root.open(path, .read)
        buffer.count = try file.read(into: &buffer.storage, at: 0)
      }
    } catch {
      throw ReadFailure(error)
    }
  }

  package mutating func beginProcesses() throws(ReadFailure) {
    do throws(Errno) {
      try processes.rewind()
    } catch {
      throw ReadFailure(error)
    }
  }

  package mutating func nextProcess() throws(ReadFailure) -> Int32? {
    do throws(Errno) {
      return try processes.next()
    } catch {
      throw ReadFailure(error)
    }
  }

  package mutating func beginThreads(of pid: Int32, at start: Int) throws(ReadFailure) {
    do throws(Errno) {
      path.set(pid: pid, file: "task")
      // The kernel's positions in this directory are the two dots, then threads by number (fs/proc/base.c,
      // proc_task_readdir).
      try threads.begin(try root.open(path, .read, .directory), at: isLive && start > 0 ? start + 2 : 0)
    } catch {
      throw ReadFailure(error)
    }
  }

  package mutating func nextThread() throws(ReadFailure) -> Int32? {
    do throws(Errno) {
      return try threads.next()
    } catch {
      throw ReadFailure(error)
    }
  }

  package mutating func effectiveCapabilities(of pid: Int32) -> CapabilitySet? {
    switch capabilities {
    case .some(let reader):
      guard let mask = try? reader.effective(of: pid) else { return nil }
      return CapabilitySet(rawValue: mask)
    case .none:
      return nil
    }
  }
}

extension ReadFailure {
  /// Sorts the kernel's error numbers into the reasons that matter to a reader.
  fileprivate init(_ reason: Errno) {
    switch reason {
    // Reading the file of a cgroup that was removed while the file was open gives `ENODEV`.
    case .noSuchFile, .noSuchProcess, .noDevice: self = .vanished
    case .notPermitted, .accessDenied: self = .denied
    default: self = .failed(errno: reason.rawValue)
    }
  }
}
