import LinuxSystem
import ProcModel

/// The process group that may go whole.
extension Killer {
  /// Whether this is the number of a member that lives: one that has exited may have given its number to another.
  func isLivingMember(_ pid: Int32, _ calls: Calls) -> Bool {
    for index in 0..<count where members[index].pid == pid { return !calls.hasExited(members[index].process) }
    return false
  }

  /// Signals the group in one step, where all who have come into it may go. By the leader's pidfd; where the kernel
  /// cannot, by its number while that is proved to be its.
  ///
  /// Between the last question and the signal, some ten microseconds for each process asked about, another may be born
  /// in the group, or one in it may execute a protected program: who comes then is signalled with it.
  ///
  /// - Returns: Whether it was.
  mutating func sendToGroup(_ signal: Signal, _ calls: Calls, _ ask: (Int32) -> Clearance) -> Bool {
    guard let groupLeader else { return false }
    let leader = members[groupLeader]
    if let objection = objection(inGroup: leader.pid, calls, ask) {
      reach.oneByOne = objection
      return false
    }
    do throws(Errno) {
      try calls.send(signal, toGroupLedBy: leader.process)
      return true
    } catch .invalidArgument {
      return sendByNumber(signal, leader.pid, calls)
    } catch .noSuchProcess {
      // All have left it, or exited.
      return false
    } catch {
      reach.oneByOne = .refused(error)
      return false
    }
  }

  private mutating func sendByNumber(_ signal: Signal, _ group: Int32, _ calls: Calls) -> Bool {
    guard let proof = proof(of: group, calls) else {
      reach.oneByOne = .unproven
      return false
    }
    do throws(Errno) {
      try calls.send(signal, toGroupOf: proof)
      return true
    } catch {
      if error != .noSuchProcess { reach.oneByOne = .refused(error) }
      return false
    }
  }

  /// That the number is still that of the group which the kill set was chosen in.
  private func proof(of group: Int32, _ calls: Calls) -> GroupProof? {
    for index in 0..<count {
      let member = members[index]
      if let proof = GroupProof(
        group: group, member: member.pid, hasExited: { calls.hasExited(member.process) },
        groupOf: { pid throws(Errno) in try calls.processGroup(of: pid) })
      {
        return proof
      }
    }
    return nil
  }

  /// Why the group cannot go whole, as it is now.
  private mutating func objection(inGroup group: Int32, _ calls: Calls, _ ask: (Int32) -> Clearance) -> OneByOne? {
    var last: Int32 = 0
    repeat {
      do throws(Errno) {
        try calls.list(group: group, after: last, into: &before)
      } catch {
        return .refused(error)
      }
      for index in 0..<before.count {
        last = before[index]
        if !isLivingMember(last, calls), ask(last) == .stays { return .protected }
      }
    } while before.isCut
    return nil
  }

  /// Signals those in the group that are no members and may go, one by one. After SIGKILL again and again, for each
  /// that is found may have forked before it got it; four times at most.
  ///
  /// They are found by the group's number, so each needs a proof of that at its time: this comes before the members,
  /// which prove it while they live.
  mutating func sweepGroup(_ signal: Signal, _ calls: Calls, _ ask: (Int32) -> Clearance) {
    guard let groupLeader, reach.oneByOne != nil else { return }
    let group = members[groupLeader].pid
    for _ in 0..<(signal == .kill ? 4 : 1) {
      var last: Int32 = 0
      var hasFound = false
      repeat {
        guard (try? calls.list(group: group, after: last, into: &before)) != nil else { return }
        for index in 0..<before.count {
          last = before[index]
          if !isLivingMember(last, calls), signalOne(last, of: group, signal, calls, ask) { hasFound = true }
        }
      } while before.isCut
      if !hasFound { return }
    }
  }

  /// - Returns: Whether it was signalled.
  private mutating func signalOne(
    _ pid: Int32, of group: Int32, _ signal: Signal, _ calls: Calls, _ ask: (Int32) -> Clearance
  ) -> Bool {
    guard let process = try? calls.open(pid) else { return false }
    defer { calls.close(process) }
    guard (try? calls.processGroup(of: pid)) == group, let proof = proof(of: group, calls), proof.group == group,
      ask(pid) == .mayGo, !calls.hasExited(process)
    else { return false }
    deliver(signal, to: process, calls)
    if signal == .kill { _ = stage(process, calls) }
    return true
  }
}
