import LinuxSystem
import ProcModel

/// The directories of the hierarchy that accounts memory.
struct CgroupFiles: ~Copyable {
  let version: CgroupVersion
  private let top: OwnedDescriptor
  private let mount: CgroupMount
  private var path = CPath("")

  /// Longer than the mounts of a machine with a thousand containers.
  private static let mountsLength = 1 << 20

  /// Finds the hierarchy among the mounts of the process `self`. Allocates.
  ///
  /// - Throws: Why there is none to be had; `ENOENT` where none is mounted.
  init(below proc: borrowing OwnedDescriptor) throws(Errno) {
    let mounts = try CgroupFiles.mounts(below: proc)
    guard let mount = CgroupMount(parsing: mounts.span) else { throw .noSuchFile }
    try self.init(mount)
  }

  /// - Throws: Why its top cannot be opened.
  init(_ mount: CgroupMount) throws(Errno) {
    top = try OwnedDescriptor.open(CPath(mount.point), .read, .directory)
    version = mount.version
    self.mount = mount
  }

  /// What the process `self` has mounted. Allocates.
  static func mounts(below proc: borrowing OwnedDescriptor) throws(Errno) -> [UInt8] {
    let file = try proc.open(CPath("self/mountinfo"), .read)
    var mounts = [UInt8](repeating: 0, count: CgroupFiles.mountsLength)
    let count = try file.readWhole(into: &mounts)
    mounts.removeLast(mounts.count - count)
    return mounts
  }

  /// Reads a file of a cgroup, opened for this once: a cgroup that was removed and made again, as a service that starts
  /// anew makes it, is another behind the same name.
  mutating func read(
    _ file: CgroupFile, of cgroup: Span<UInt8>, into buffer: inout [UInt8]
  ) throws(Errno) -> Int {
    guard let name = file.name(version), let start = start(of: cgroup) else { throw .noSuchFile }
    path.set(folder: cgroup.extracting(start..<cgroup.count), file: name)
    return try top.open(path, .read).readWhole(into: &buffer)
  }

  /// The whole path of a file of a cgroup; nil where it is not to be seen. Allocates.
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

  /// Fills `buffer` with the path of a cgroup's directory; false where it is not to be seen, or does not fit.
  func place(of cgroup: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool {
    guard let start = start(of: cgroup) else { return false }
    buffer.fill(from: mount.point.span)
    // A mount at the root has its slash.
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

  func unifiedRoot() throws(Errno) -> OwnedDescriptor {
    guard version == .v2, mount.root.count == 1 else { throw .noSuchFile }
    return try OwnedDescriptor.open(CPath(mount.point), .read, .directory)
  }

  /// Where in a cgroup's path what lies below the mount begins, without a slash; nil where it lies elsewhere.
  private func start(of cgroup: Span<UInt8>) -> Int? {
    // Out of a container's view.
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
