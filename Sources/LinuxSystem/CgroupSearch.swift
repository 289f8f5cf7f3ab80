/// Finds a process's cgroup by searching a hierarchy, for when the path in `/proc/PID/cgroup` is not relative to that
/// hierarchy's top.
package struct CgroupSearch {
  /// The largest number of cgroups that are searched. A machine with a thousand containers has about ten thousand.
  private static let most = 1 << 17
  /// The largest number of levels that are searched.
  private static let deepest = 64

  private let pid: Int32
  private var left = CgroupSearch.most
  private var pids = ProcessList(capacity: 4096)

  /// - Parameter pid: The process's number in the reader's pid namespace.
  package init(for pid: Int32) {
    self.pid = pid
  }

  /// Searches a cgroup and those below it. Allocates.
  ///
  /// - Parameter top: The cgroup's directory.
  /// - Returns: The path below that directory, with a slash before each component; empty for the directory itself. Nil
  ///   where the process is not found.
  package mutating func path(below top: borrowing OwnedDescriptor) -> [UInt8]? {
    look(into: top, depth: 0)
  }

  private mutating func look(into directory: borrowing OwnedDescriptor, depth: Int) -> [UInt8]? {
    guard left > 0, depth < CgroupSearch.deepest else { return nil }
    left -= 1
    pids.removeAll()
    // A cgroup that is removed meanwhile, or threaded, shows no process.
    if let file = try? directory.open(CPath("cgroup.procs"), .read), (try? pids.append(linesOf: file)) != nil,
      pids.contains(pid)
    {
      return []
    }
    guard let itself = try? directory.open(CPath("."), .read, .directory) else { return nil }
    var walk = SubdirectoryWalk(itself)
    while let child = try? walk.next() {
      switch consume child {
      case .open(let child):
        let name = walk.name
        if let below = look(into: child, depth: depth + 1) { return [UInt8(ascii: "/")] + name + below }
      case .failed: continue
      }
    }
    return nil
  }
}
