/// Finds a process's cgroup by looking through a hierarchy: for one whose path is told from elsewhere.
package struct CgroupSearch {
  /// A machine with a thousand containers has some ten thousand cgroups.
  private static let most = 1 << 17
  /// Levels that are looked into.
  private static let deepest = 64

  private let pid: Int32
  private var left = CgroupSearch.most
  private var pids = ProcessList(capacity: 4096)

  /// - Parameter pid: As the reader's pid namespace numbers it.
  package init(for pid: Int32) {
    self.pid = pid
  }

  /// - Parameter top: The directory of a cgroup.
  /// - Returns: The path below that, with a slash in front of each component, empty for the top itself; nil where the
  ///   process is not found. Allocates.
  package mutating func path(below top: borrowing OwnedDescriptor) -> [UInt8]? {
    look(into: top, depth: 0)
  }

  private mutating func look(into directory: borrowing OwnedDescriptor, depth: Int) -> [UInt8]? {
    guard left > 0, depth < CgroupSearch.deepest else { return nil }
    left -= 1
    pids.removeAll()
    // One that is removed meanwhile, or threaded, tells of no process.
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
