package import LinuxSystem
import ProcModel

/// What the service manager is told of the kill of a whole unit.
package enum UnitMark: Equatable, Sendable {
  /// The kill set is none: a part of a unit, or no unit at all.
  case none
  /// It is to be told before the first signal.
  case wanted
  /// It was told that the unit ran out of memory, and is to be told how many processes were signalled.
  case begun
  case done
  /// It cannot be told.
  case refused(Errno)
}

/// By two counts of its cgroup, the service manager learns that a whole unit was killed for want of memory: its result is then
/// `oom-kill`, where it would be a success or an ordinary failure. The manager stops what is left of such a unit. So this is
/// for a unit that goes as a whole, and never for a part of one.
extension Killer {
  /// Before a signal that processes may act on in their own time: the manager looks at the count when the first exits.
  mutating func markUnit(_ calls: Calls, _ ask: (Int32) -> Clearance) {
    guard unitMark == .wanted else { return }
    switch cgroup.take() {
    case .some(let taken):
      if allMayGo(in: taken, calls, ask) { markUnit(taken, calls) }
      cgroup = consume taken
    case .none: break
    }
  }

  mutating func markUnit(_ cgroup: borrowing CgroupDirectory, _ calls: Calls) {
    guard unitMark == .wanted else { return }
    do throws(Errno) {
      try calls.add(1, to: .ooms, of: cgroup)
      unitMark = .begun
    } catch {
      unitMark = .refused(error)
    }
  }

  /// After the first signal.
  mutating func countKills(_ calls: Calls) {
    guard unitMark == .begun, reach.delivery == .sent else { return }
    switch cgroup.take() {
    case .some(let taken):
      do throws(Errno) {
        try calls.add(UInt64(max(reach.sent, 1)), to: .kills, of: taken)
        unitMark = .done
      } catch {
        // The manager removes a cgroup as soon as it is empty.
        unitMark = error == .noDevice || error == .noSuchFile ? .done : .refused(error)
      }
      cgroup = consume taken
    case .none: break
    }
  }

  /// Whether no process in the cgroup stays.
  private mutating func allMayGo(
    in cgroup: borrowing CgroupDirectory, _ calls: Calls, _ ask: (Int32) -> Clearance
  ) -> Bool {
    var skipped = 0
    repeat {
      guard (try? calls.list(cgroup, into: &before, skipping: skipped)) != nil, !before.hidesSome else { return false }
      for index in 0..<before.count where !isLivingMember(before[index], calls) {
        let pid = before[index]
        if pid == 1 || pid == OwnProcess.pid || ask(pid) == .stays { return false }
      }
      skipped += before.count
    } while before.isCut
    return true
  }
}
