import LinuxSystem
import ProcModel

/// A file of the machine that stays open and is read anew with pread(2).
struct KeptFile: ~Copyable {
  let file: SystemFile
  /// The file's path. It is kept, since making one allocates.
  private let path: CPath
  private var descriptor: OwnedDescriptor?
  /// Whether the file ever existed. A file that this kernel does not have is not looked for again.
  private var isThere: Bool
  /// Whether another file stands in its place, for which another program may have to answer.
  private(set) var isReplaced: Bool

  /// - Parameter isReplaced: Whether the file is known to be replaced, so that this is not looked up.
  init(_ file: SystemFile, below root: borrowing OwnedDescriptor, isReplaced: Bool) {
    self.file = file
    path = CPath(file.path)
    self.isReplaced = isReplaced || root.isReplaced(path)
    descriptor = nil
    isThere = self.isReplaced
    if !self.isReplaced { try? open(below: root) }
  }

  /// Makes a file from a descriptor that is open already.
  init(_ file: SystemFile, kept descriptor: consuming OwnedDescriptor) {
    self.file = file
    path = CPath(file.path)
    self.descriptor = consume descriptor
    isThere = true
    isReplaced = false
  }

  private mutating func open(below root: borrowing OwnedDescriptor) throws(Errno) {
    descriptor = try root.open(path, .read)
    isThere = true
  }

  /// Reads the whole file. A descriptor that is lost (``Errno/isLost``) is replaced, now and at each later reading
  /// until that succeeds.
  mutating func read(
    below root: borrowing OwnedDescriptor, with reader: inout FileReader?, into buffer: inout [UInt8]
  ) throws(Errno) -> Int {
    guard isThere else { throw .noSuchFile }
    if isReplaced {
      guard let count = try reader?.read(Int(file.rawValue), path, into: &buffer) else { throw .noSuchFile }
      return count
    }
    if descriptor != nil {
      do throws(Errno) {
        return try readKept(into: &buffer)
      } catch {
        guard error.isLost else { throw error }
        descriptor = nil
      }
    }
    if root.isReplaced(path) {
      if reader == nil { reader = try FileReader(below: root) }
      isReplaced = true
      return try read(below: root, with: &reader, into: &buffer)
    }
    try open(below: root)
    return try readKept(into: &buffer)
  }

  private func readKept(into buffer: inout [UInt8]) throws(Errno) -> Int {
    switch descriptor {
    case .some(let descriptor): return try descriptor.readWhole(into: &buffer)
    case .none: throw .noSuchFile
    }
  }
}

/// The machine's files, each of which is open or known to be missing.
struct SystemFiles: ~Copyable {
  private var meminfo: KeptFile
  private var vmstat: KeptFile
  private var memoryPressure: KeptFile
  private var swaps: KeptFile
  private var uptime: KeptFile
  private var arcstats: KeptFile
  private var loadavg: KeptFile
  /// The thread that reads replaced files. Nil where every file is the kernel's own, and so no other program has to be
  /// waited for.
  private var reader: FileReader?

  /// - Parameter isReplaced: Whether all files are replaced, since the root is on a file system for which a program
  ///   answers.
  /// - Throws: Why the thread that is needed to read with cannot be made.
  init(below root: borrowing OwnedDescriptor, isReplaced: Bool) throws(Errno) {
    meminfo = KeptFile(.meminfo, below: root, isReplaced: isReplaced)
    vmstat = KeptFile(.vmstat, below: root, isReplaced: isReplaced)
    memoryPressure = KeptFile(.memoryPressure, below: root, isReplaced: isReplaced)
    swaps = KeptFile(.swaps, below: root, isReplaced: isReplaced)
    uptime = KeptFile(.uptime, below: root, isReplaced: isReplaced)
    arcstats = KeptFile(.arcstats, below: root, isReplaced: isReplaced)
    loadavg = KeptFile(.loadavg, below: root, isReplaced: isReplaced)
    reader = nil
    for file in SystemFile.allCases where self.isReplaced(file) {
      reader = try FileReader(below: root)
      break
    }
  }

  func isReplaced(_ file: SystemFile) -> Bool {
    switch file {
    case .meminfo: meminfo.isReplaced
    case .vmstat: vmstat.isReplaced
    case .memoryPressure: memoryPressure.isReplaced
    case .swaps: swaps.isReplaced
    case .uptime: uptime.isReplaced
    case .arcstats: arcstats.isReplaced
    case .loadavg: loadavg.isReplaced
    }
  }

  mutating func read(
    _ file: SystemFile, below root: borrowing OwnedDescriptor, into buffer: inout [UInt8]
  ) throws(Errno) -> Int {
    switch file {
    case .meminfo: try meminfo.read(below: root, with: &reader, into: &buffer)
    case .vmstat: try vmstat.read(below: root, with: &reader, into: &buffer)
    case .memoryPressure: try memoryPressure.read(below: root, with: &reader, into: &buffer)
    case .swaps: try swaps.read(below: root, with: &reader, into: &buffer)
    case .uptime: try uptime.read(below: root, with: &reader, into: &buffer)
    case .arcstats: try arcstats.read(below: root, with: &reader, into: &buffer)
    case .loadavg: try loadavg.read(below: root, with: &reader, into: &buffer)
    }
  }
}
