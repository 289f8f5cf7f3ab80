import LinuxSystem
import ProcModel

/// The cgroup that may go whole.
extension Killer {
  /// Looks, a millisecond apart, until a cgroup that was told to freeze stands still. Measured on 6.18 on two
  /// processors that 300 processes of the cgroup kept busy: 2 to 38, and seven times in eight no more than 16. One that
  /// does not stand still by then is listed until no new process is in it.
  static var freezingLooks: Int { 20 }

  /// Whether no process that is to be killed is in the kill set's cgroup or below it, or the cgroup is gone.
  mutating func isCgroupEmpty() -> Bool {
    guard let calls else { return true }
    switch cgroup.take() {
    case .some(let taken):
      let isListed = (try? calls.list(taken, into: &before, skipping: 0)) != nil
      cgroup = consume taken
      guard isListed else { return true }
      for index in 0..<before.count where !staying.contains(before[index]) { return false }
      return !before.isCut
    case .none:
      return true
    }
  }

  /// Kills the kill set's cgroup in one step, where all who have come into it may go; else those that may, one by one.
  ///
  /// It is frozen meanwhile, so that no process in it forks, executes or leaves between the question and the act: what
  /// is left is a process that is moved into it from outside in these microseconds. Protected ones are frozen too, for
  /// as long as it takes to ask about all, but never the agent or process 1. What was not frozen before is thawed in
  /// each outcome.
  mutating func killCgroup(_ calls: Calls, _ ask: (Int32) -> Clearance) {
    switch cgroup.take() {
    case .some(let taken):
      guard mayGo(taken, calls) else { return }
      let hasFrozen = freeze(taken, calls)
      let objection = objection(in: taken, calls, ask)
      staying.removeAll()
      reach.oneByOne = objection
      if objection == nil {
        reach.isWhole = true
        // They have their signal.
        _ = sweepOnce(taken, .kill, calls, ask, isDone: true)
      } else {
        sweep(taken, .kill, calls, ask, rounds: 4)
      }
      if hasFrozen { thaw(taken, calls) }
      cgroup = consume taken
    case .none: break
    }
  }

  /// Signals those in the cgroup that are no members and may go.
  mutating func sweepCgroup(_ signal: Signal, _ calls: Calls, _ ask: (Int32) -> Clearance, rounds: Int) {
    switch cgroup.take() {
    case .some(let taken):
      guard mayGo(taken, calls) else { return }
      sweep(taken, signal, calls, ask, rounds: rounds)
      cgroup = consume taken
    case .none: break
    }
  }

  /// After SIGKILL: what has come into the cgroup since. Where a protected process is in it, it is not frozen again.
  mutating func sweepAgain(_ calls: Calls, _ ask: (Int32) -> Clearance) {
    switch reach.oneByOne {
    case nil: sweepCgroup(.kill, calls, ask, rounds: 1)
    case .protected: sweepCgroup(.kill, calls, ask, rounds: 4)
    case .unproven, .refused: killCgroup(calls, ask)
    }
  }

  /// Thaws what could not be thawed.
  mutating func thawOwed() {
    guard owesThaw, let calls else { return }
    switch cgroup.take() {
    case .some(let taken):
      thaw(taken, calls)
      cgroup = consume taken
    case .none: owesThaw = false
    }
  }

  private mutating func thaw(_ cgroup: borrowing CgroupDirectory, _ calls: Calls) {
    do throws(Errno) {
      try calls.setFrozen(false, cgroup)
      owesThaw = false
    } catch {
      // One that was removed holds no process.
      owesThaw = error != .noDevice && error != .noSuchFile
    }
  }

  /// Freezes a cgroup, and waits a little until it stands still.
  ///
  /// - Returns: Whether it is to be thawed: not where it was frozen before, and SIGKILL is acted on all the same.
  private func freeze(_ cgroup: borrowing CgroupDirectory, _ calls: Calls) -> Bool {
    do throws(Errno) {
      if try calls.isToldToFreeze(cgroup) { return calls.keepsKillsBack(cgroup) }
      try calls.setFrozen(true, cgroup)
    } catch {
      return false
    }
    for _ in 0..<Self.freezingLooks where (try? calls.isFrozen(cgroup)) == false { calls.pause() }
    return true
  }

  /// Whether neither the agent nor process 1 is in it, which would stand still in it, were it frozen. Where one of them
  /// is, or that cannot be told, none in it is killed but the members, and it is let go of.
  private mutating func mayGo(_ cgroup: borrowing CgroupDirectory, _ calls: Calls) -> Bool {
    var skipped = 0
    do throws(Errno) {
      repeat {
        try calls.list(cgroup, into: &before, skipping: skipped)
        if before.contains(1) || before.contains(OwnProcess.pid) {
          reach.oneByOne = .protected
          return false
        }
        skipped += before.count
      } while before.isCut
      return true
    } catch {
      // One that was removed holds no process.
      if error != .noDevice, error != .noSuchFile { reach.oneByOne = .refused(error) }
      return false
    }
  }

  /// Kills a cgroup in one step, unless a process in it stays.
  ///
  /// Everybody in it is asked about; then those that another list has beside them, until it has none: of a frozen
  /// cgroup that is the second.
  ///
  /// - Returns: Why it was not.
  private mutating func objection(in cgroup: borrowing CgroupDirectory, _ calls: Calls, _ ask: (Int32) -> Clearance)
    -> OneByOne?
  {
    after.removeAll()
    do throws(Errno) {
      for _ in 0..<4 {
        var hasAsked = false
        var skipped = 0
        repeat {
          try calls.list(cgroup, into: &before, skipping: skipped)
          if before.hidesSome { return .protected }
          for index in 0..<before.count where !isLivingMember(before[index], calls) && !after.contains(before[index]) {
            if ask(before[index]) == .stays { return .protected }
            after.append(before[index])
            hasAsked = true
          }
          skipped += before.count
        } while before.isCut
        if !hasAsked || after.isCut { break }
      }
      markUnit(cgroup, calls)
      try calls.kill(cgroup)
      return nil
    } catch {
      return .refused(error)
    }
  }

  private mutating func sweep(
    _ cgroup: borrowing CgroupDirectory, _ signal: Signal, _ calls: Calls, _ ask: (Int32) -> Clearance, rounds: Int
  ) {
    staying.removeAll()
    for _ in 0..<rounds {
      if !sweepOnce(cgroup, signal, calls, ask, isDone: false) { return }
    }
  }

  /// Signals each in the cgroup that is no member and may go, and after SIGKILL stages it to have its memory given
  /// back.
  ///
  /// It is listed twice: a pidfd that was opened after the first listing, and is alive after the second, is of a
  /// process that was in the cgroup at the second, if both have its number. A listing once more finds who was born
  /// before all were frozen.
  ///
  /// - Parameter isDone: Whether they have their signal already.
  /// - Returns: Whether anybody was signalled.
  private mutating func sweepOnce(
    _ cgroup: borrowing CgroupDirectory, _ signal: Signal, _ calls: Calls, _ ask: (Int32) -> Clearance, isDone: Bool
  ) -> Bool {
    var skipped = 0
    var hasFound = false
    repeat {
      guard (try? calls.list(cgroup, into: &before, skipping: skipped)) != nil else { return hasFound }
      for index in 0..<before.count {
        swept[index] = (try? calls.open(before[index])) ?? -1
      }
      let isListed = (try? calls.list(cgroup, into: &after, skipping: skipped)) != nil
      for index in 0..<before.count where swept[index] >= 0 {
        let (pid, process) = (before[index], swept[index])
        if isListed, after.contains(pid), !isLivingMember(pid, calls),
          isDone || mayGo(pid, process, calls, ask), !calls.hasExited(process)
        {
          if !isDone { deliver(signal, to: process, calls) }
          if signal == .kill { _ = stage(process, calls) }
          hasFound = true
        }
        calls.close(process)
      }
      skipped += before.count
    } while before.isCut
    return hasFound
  }

  /// What was read of a number is of the held process if that lives after it.
  private mutating func mayGo(_ pid: Int32, _ process: Int32, _ calls: Calls, _ ask: (Int32) -> Clearance) -> Bool {
    switch ask(pid) {
    case .mayGo: return true
    case .gone: return false
    case .stays:
      if !calls.hasExited(process), !staying.contains(pid) { staying.append(pid) }
      return false
    }
  }
}
