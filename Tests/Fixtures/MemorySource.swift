import Foundation
package import ProcModel

/// A source of kernel files that are held in memory. Its files can be made to vanish, to fail, or to be wrong.
package struct MemorySource: ProcSource {
  /// One file of one process, or of one of its threads.
  package struct Key: Hashable, Sendable {
    package var pid: Int32
    package var thread: Int32?
    package var file: ProcessFile

    package init(_ file: ProcessFile, of pid: Int32, thread: Int32? = nil) {
      self.pid = pid
      self.thread = thread
      self.file = file
    }
  }

  package var systemFiles: [SystemFile: [UInt8]] = [:]
  /// A file that is not here has vanished.
  package var files: [Key: [UInt8]] = [:]
  /// The processes that a walk gives, in this order; one that is listed twice comes twice.
  package var processes: [Int32] = []
  /// The threads of each process, without the leader.
  package var threads: [Int32: [Int32]] = [:]
  private var threadsLeft: ArraySlice<Int32> = []
  /// Failures to throw instead of giving a file.
  package var failures: [Key: ReadFailure] = [:]
  /// Failures to throw instead of giving a file of the machine.
  package var systemFailures: [SystemFile: ReadFailure] = [:]
  /// The failure to throw when a walk begins.
  package var walkFailure: ReadFailure?
  /// The answers of ``effectiveCapabilities(of:)``.
  package var capabilities: [Int32: CapabilitySet] = [:]
  /// `mm_stat` of the zram devices, by number.
  package var zram: [Int32: [UInt8]] = [:]
  /// Files of memory cgroups, by path.
  package var cgroups: [String: [CgroupFile: [UInt8]]] = [:]
  package var cgroupVersion: CgroupVersion?
  package var view = ProcView()
  /// Nil: `uptime` tells the time.
  package var clock: Nanoseconds?
  /// Files in whose place another file stands.
  package var replaced: Set<SystemFile> = []
  /// Every file of a process that was asked for, in order.
  package private(set) var reads: [Key] = []
  private var position = 0

  /// A machine without files or processes.
  package init() {}

  /// A tree below `Tests/Fixtures/proc`, with its processes in order of their pids.
  package init(fixture name: String) {
    let root = Fixture.path(name)
    for file in SystemFile.allCases {
      systemFiles[file] = MemorySource.contents(root + "/" + file.path)
    }
    processes = MemorySource.numbers(in: root)
    for pid in processes {
      for file in ProcessFile.allCases {
        files[Key(file, of: pid)] = MemorySource.contents("\(root)/\(pid)/\(file.path)")
      }
      threads[pid] = MemorySource.numbers(in: "\(root)/\(pid)/task").filter { $0 != pid }
      for thread in threads[pid, default: []] {
        for file in ProcessFile.allCases {
          files[Key(file, of: pid, thread: thread)] =
            MemorySource.contents("\(root)/\(pid)/task/\(thread)/\(file.path)")
        }
      }
    }
  }

  private static func contents(_ path: String) -> [UInt8]? {
    FileManager.default.contents(atPath: path).map { [UInt8]($0) }
  }

  private static func numbers(in folder: String) -> [Int32] {
    // This fails where there is no folder, and then there are no threads.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { Int32($0) }.sorted()
  }

  package mutating func readZram(_ index: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    buffer.clear()
    guard let bytes = zram[index] else { throw .vanished }
    buffer.fill(from: bytes.span)
  }

  package mutating func read(
    _ file: CgroupFile, ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    buffer.clear()
    let name = String(decoding: path.indices.map { path[$0] }, as: UTF8.self)
    guard let bytes = cgroups[name]?[file] else { throw .vanished }
    buffer.fill(from: bytes.span)
  }

  package mutating func place(ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool {
    buffer.fill(from: (Array("/sys/fs/cgroup".utf8) + path.indices.map { path[$0] }).span)
    return !buffer.isFull
  }

  /// Puts a file of a memory cgroup in place. The root's path is empty.
  package mutating func set(_ file: CgroupFile, ofCgroup path: String, _ text: String) {
    cgroups[path, default: [:]][file] = Array(text.utf8)
  }

  /// Puts a file of the machine in place.
  package mutating func set(_ file: SystemFile, _ text: String) {
    systemFiles[file] = Array(text.utf8)
  }

  /// Puts a file of a process in place; the process is listed if it was not.
  package mutating func set(_ file: ProcessFile, of pid: Int32, _ text: String) {
    files[Key(file, of: pid)] = Array(text.utf8)
    if !processes.contains(pid) { processes.append(pid) }
  }

  /// Makes a process exit as soon as `file` is asked for: that file and those that a survey reads after it are gone.
  package mutating func vanish(_ pid: Int32, at file: ProcessFile) {
    let order: [ProcessFile] = [.stat, .status, .statm, .oomScoreAdj, .oomScore, .cgroup, .exe, .cmdline]
    for later in order.drop(while: { $0 != file }) {
      failures[Key(later, of: pid)] = .vanished
    }
  }

  package func isReplaced(_ file: SystemFile) -> Bool { replaced.contains(file) }

  package mutating func read(_ file: SystemFile, into buffer: inout ByteBuffer) throws(ReadFailure) {
    if let failure = systemFailures[file] { throw failure }
    guard let bytes = systemFiles[file] else { throw .vanished }
    buffer.fill(from: bytes.span)
  }

  package mutating func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    try read(Key(file, of: pid), into: &buffer)
  }

  package mutating func read(
    _ file: ProcessFile, ofThread thread: Int32, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    try read(Key(file, of: pid, thread: thread), into: &buffer)
  }

  private mutating func read(_ key: Key, into buffer: inout ByteBuffer) throws(ReadFailure) {
    reads.append(key)
    if let failure = failures[key] { throw failure }
    guard let bytes = files[key] else { throw .vanished }
    buffer.fill(from: bytes.span)
  }

  package mutating func beginProcesses() throws(ReadFailure) {
    if let walkFailure { throw walkFailure }
    position = 0
  }

  package mutating func nextProcess() throws(ReadFailure) -> Int32? {
    guard position < processes.count else { return nil }
    position += 1
    return processes[position - 1]
  }

  package mutating func beginThreads(of pid: Int32, at start: Int) throws(ReadFailure) {
    threadsLeft = (threads[pid] ?? []).dropFirst(start)
  }

  package mutating func nextThread() throws(ReadFailure) -> Int32? {
    threadsLeft.popFirst()
  }

  package mutating func effectiveCapabilities(of pid: Int32) -> CapabilitySet? {
    capabilities[pid]
  }
}
