import LinuxSystem
import ProcModel

/// The files of the hierarchy that accounts memory.
struct CgroupFiles: ~Copyable {
  let version: CgroupVersion
  private let top: OwnedDescriptor
  private let mount: CgroupMount
  private var path = CPath("")

  /// The size in bytes of the buffer for `mountinfo`. The file of a machine with a thousand containers is shorter.
  private static let mountsLength = 1 << 20

  /// Finds the hierarchy among the mounts of the process `self`. Allocates.
  ///
  /// - Throws: Why the hierarchy cannot be opened; `ENOENT` where none is mounted.
  init(below proc: borrowing OwnedDescriptor) throws(Errno) {
    let mounts = try CgroupFiles.mounts(below: proc)
    guard let mount = CgroupMount(parsing: mounts.span) else { throw .noSuchFile }
    try self.init(mount)
  }

  /// - Throws: Why the top of the mount cannot be opened.
  init(_ mount: CgroupMount) throws(Errno) {
    top = try OwnedDescriptor.open(CPath(mount.point), .read, .directory)
    version = mount.version
    self.mount = mount
  }

  /// Reads `mountinfo` of the process `self`. Allocates.
  static func mounts(below proc: borrowing OwnedDescriptor) throws(Errno) -> [UInt8] {
    let file = try proc.open(CPath("self/mountinfo"), .read)
    var mounts = [UInt8](repeating: 0, count: CgroupFiles.mountsLength)
    let count = try file.readWhole(into: &mounts)
    mounts.removeLast(mounts.count - count)
    return mounts
  }

  /// Reads a file of a cgroup. The file is opened for this reading alone: a cgroup that was removed and made again, as
  /// a service makes it that starts anew, is another cgroup behind the same name.
  mutating func read(
    _ file: CgroupFile, of cgroup: Span<UInt8>, into buffer: inout [UInt8]
  ) throws(Errno) -> Int {
    guard let name = file.name(version), let start = start(of: cgroup) else { throw .noSuchFile }
    path.set(folder: cgroup.extracting(start..<cgroup.count), file: name)
    return try top.open(path, .read).readWhole(into: &buffer)
  }

  /// Returns the whole path of a file of a cgroup; nil where the mount does not show the cgroup. Allocates.
  func path(_ file: CgroupFile, of cgroup: Span<UInt8>) -> CPath? {
    guard let name = file.name(version), let start = start(of: cgroup) else { return nil }
    var bytes = mount.point
    for index in start..<cgroup.count {
      if bytes.last != .slash, index == start { bytes.append(.slash) }
      bytes.append(cgroup[index])
    }
    bytes.append(.slash)
    bytes.append(contentsOf: name.utf8)
    return CPath(bytes)
  }

  /// Fills `buffer` with the path of a cgroup's directory. Returns false where the mount does not show the cgroup, or
  /// where the path does not fit.
  func place(of cgroup: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool {
    guard let start = start(of: cgroup) else { return false }
    buffer.fill(from: mount.point.span)
    // The path of a mount at the root ends with a slash already.
    if buffer.count == 1 { buffer.clear() }
    guard buffer.count + 1 + cgroup.count - start < buffer.storage.count else { return false }
    buffer.storage[buffer.count] = .slash
    buffer.count += 1
    for index in start..<cgroup.count {
      buffer.storage[buffer.count] = cgroup[index]
      buffer.count += 1
    }
    return true
  }

  /// Opens the root of the unified hierarchy.
  ///
  /// - Throws: `ENOENT` where this is another hierarchy, or only a part of it is mounted.
  func unifiedRoot() throws(Errno) -> OwnedDescriptor {
    guard version == .v2, mount.root.count == 1 else { throw .noSuchFile }
    return try OwnedDescriptor.open(CPath(mount.point), .read, .directory)
  }

  /// Returns the offset in a cgroup's path at which the part below the mount begins, without its slash. Nil where the
  /// cgroup is not below the mount.
  private func start(of cgroup: Span<UInt8>) -> Int? {
    // The cgroup is outside of the reader's cgroup namespace.
    if leadsOutside(cgroup) { return nil }
    if mount.root.count > 1 {
      guard cgroup.count >= mount.root.count else { return nil }
      for index in mount.root.indices where cgroup[index] != mount.root[index] { return nil }
      if cgroup.count == mount.root.count { return cgroup.count }
      return cgroup[mount.root.count] == .slash ? mount.root.count + 1 : nil
    }
    return min(1, cgroup.count)
  }
}
