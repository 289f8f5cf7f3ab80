import Ladder
import LinuxSystem
import Policy
import ProcModel

/// The path of the cgroup that a kill set is of, and who lies in it. Kept from one kill set to the next, so that none
/// takes memory from the heap.
struct KillSetCgroup: Sendable {
  /// Empty where it cannot be told.
  private(set) var path = ByteBuffer(capacity: 2048)
  private var file = ByteBuffer(capacity: 4096)

  /// Reads it. False, and no path, where it cannot be told.
  mutating func read<M: Machine & ~Copyable>(
    of killSet: KillSet, in table: ProcessTable, from machine: inout M
  ) -> Bool {
    path.clear()
    guard let leader = killSet.leader, let key = KillSetCgroup.key(of: killSet, in: table),
      let membership = membership(of: leader.identity.pid, from: &machine),
      let range = membership.path(of: key, in: file.bytes)
    else { return false }
    // Byte by byte: a span of one buffer cannot be put into another of the same owner's.
    path.count = min(range.count, path.storage.count)
    for index in 0..<path.count { path.storage[index] = file.storage[range.lowerBound + index] }
    return path.count == range.count
  }

  mutating func clear() { path.clear() }

  /// Whether a process lies in it: two cgroups may have one key, and only the path tells.
  mutating func holds<M: Machine & ~Copyable>(
    _ member: KillSet.Member, in table: ProcessTable, from machine: inout M
  ) -> Bool {
    guard let membership = membership(of: member.identity.pid, from: &machine),
      membership.memoryKey ?? 0 == table.rows[Int(member.row)].memoryKey
    else { return false }
    let other = file.bytes.extracting(membership.path)
    guard other.count >= path.count else { return false }
    for index in 0..<path.count where path.storage[index] != other[index] { return false }
    return other.count == path.count || other[path.count] == .slash
  }

  /// Whether it is the cgroup of a service or of a scope: the system's manager's, or that of a user's manager.
  var isUnit: Bool {
    var start = path.count
    while start > 0, path.storage[start - 1] != .slash { start -= 1 }
    guard let name = systemdUnit(in: path.bytes, path: start..<path.count) else { return false }
    return isNamed(name, ".service") || isNamed(name, ".scope")
  }

  private func isNamed(_ name: Range<Int>, _ suffix: String) -> Bool {
    var scanner = ByteScanner(path.bytes, from: max(name.lowerBound, name.upperBound - suffix.utf8.count))
    return scanner.take(suffix) && scanner.isAtEnd
  }

  /// Opens the cgroup itself. Nil for the root, of which every process is a part, and as ``Machine/openCgroup(_:_:)``.
  mutating func open<M: Machine & ~Copyable>(on machine: inout M) -> CgroupDirectory? {
    let own = path
    return own.count > 1 ? machine.openCgroup(own.bytes, &file) : nil
  }

  /// Whether a process lies in a system service, of which everything was started by the service. What is in the scope of
  /// a session, or in the service manager of a user, has only the user in common.
  mutating func isInService<M: Machine & ~Copyable>(_ pid: Int32, from machine: inout M) -> Bool {
    guard let membership = membership(of: pid, from: &machine), let unit = membership.unit, machine.view.showsAllCgroups
    else { return false }
    let name = file.bytes.extracting(unit)
    var scanner = ByteScanner(name)
    if scanner.take("user@") { return false }
    scanner = ByteScanner(name, from: max(0, name.count - 8))
    return scanner.take(".service") && scanner.isAtEnd
  }

  /// Reads the unit, the cgroup and the executable of a process. Neither file takes the lock of its memory.
  mutating func read<M: Machine & ~Copyable>(
    _ origin: inout ProcessOrigin, of pid: Int32, from machine: inout M
  ) {
    origin.clear()
    if let membership = membership(of: pid, from: &machine) {
      origin.set(cgroup: file.bytes.extracting(membership.path), isOfMachine: machine.view.showsAllCgroups)
    }
    if (try? machine.read(.exe, of: pid, into: &file)) != nil, !file.isFull {
      origin.set(executable: file.bytes)
    }
  }

  private static func key(of killSet: KillSet, in table: ProcessTable) -> UInt64? {
    if case .cgroup(let key) = killSet.whole { return key }
    guard let leader = killSet.leader else { return nil }
    let own = table.rows[Int(leader.row)].cgroupKey
    if killSet.swarm == nil, killSet.scope == .unit { return own.flatMap { table.cgroups.unit(of: $0) } }
    return own
  }

  private mutating func membership<M: Machine & ~Copyable>(
    of pid: Int32, from machine: inout M
  ) -> CgroupMembership? {
    do throws(ReadFailure) {
      try machine.read(.cgroup, of: pid, into: &file)
    } catch {
      return nil
    }
    return try? CgroupMembership(parsing: file.bytes)
  }
}
