import Ladder
import LinuxSystem
import ProcModel
import Testing

/// A process group that may be killed whole: whether its number is still its own, and which processes came into it
/// since the kill set was chosen.
@Suite struct GroupTests {
  /// Three processes of one group, which 7 leads. 20 to 22 are of other groups.
  private static func script(hasGroupsByPidfd: Bool) -> CallScript {
    let script = CallScript()
    for pid: Int32 in [7, 8, 9, 20, 21, 22] { script.processes[pid] = UInt64(pid) * 10 }
    script.groups = [7: 7, 8: 7, 9: 7, 20: 20, 21: 20]
    script.hasGroupsByPidfd = hasGroupsByPidfd
    return script
  }

  private static func killer(_ script: CallScript, _ pids: Int32...) -> ScriptedKiller {
    let killer = ScriptedKiller(script)
    for (index, pid) in pids.enumerated() {
      let identity = ProcessIdentity(pid: pid, startTime: Ticks(UInt64(pid) * 10))
      #expect((index == 0 ? killer.hold(identity) : killer.join(identity)) == .held)
    }
    killer.takeGroup(7)
    _ = script.take()
    return killer
  }

  private static func signals(_ script: CallScript) -> [String] {
    script.take().filter { call in
      !call.hasPrefix("hasten") && !call.hasPrefix("open") && !call.hasPrefix("stage") && !call.hasSuffix("SIGCONT")
    }
  }

  // Signals by number, before Linux 6.9.

  @Test(arguments: [Signal.terminate, .kill]) func aMemberThatLivesProvesTheNumberOfItsGroup(signal: Signal) {
    let script = Self.script(hasGroupsByPidfd: false)
    let killer = Self.killer(script, 7, 8, 9)
    #expect(killer.send(signal) == .sent && killer.reach.isWhole && killer.reach.oneByOne == nil)
    #expect(Self.signals(script).first == "number 7 \(signal.name) by 7")
    // The leader has exited, and may be collected. Any other member proves the number.
    script.exited = [7, 8]
    #expect(killer.send(signal) == .sent && killer.reach.isWhole)
    #expect(Self.signals(script).first == "number 7 \(signal.name) by 9")
  }

  struct Lapse: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var exited: Set<Int32> = []
    var groups: [Int32: Int32]
    /// Processes that exit when their group is asked for.
    var endsBetween: Set<Int32> = []

    init(_ name: String, exited: Set<Int32> = [], groups: [Int32: Int32], endsBetween: Set<Int32> = []) {
      (testDescription, self.exited, self.groups, self.endsBetween) = (name, exited, groups, endsBetween)
    }
  }

  /// In each of these, 7 is or may be the number of the group of 21 and 22, which was not chosen.
  static let lapses = [
    Lapse(
      "the leader is collected, the others have left, the number is another group's", exited: [7],
      groups: [7: 7, 21: 7, 22: 7, 8: 8, 9: 8]),
    Lapse("all have left, the leader too", groups: [7: 6, 8: 8, 9: 8, 21: 7, 22: 7]),
    Lapse(
      "all have exited, and a number of theirs is in the new group", exited: [7, 8, 9], groups: [7: 7, 9: 7, 22: 7]),
    Lapse("none can be asked", exited: [7], groups: [21: 7]),
    Lapse(
      "the one that would prove it exits between two questions", exited: [7, 8], groups: [9: 7, 21: 7], endsBetween: [9]
    ),
    Lapse(
      "one after the other exits between two questions", groups: [7: 7, 8: 7, 9: 7, 21: 7], endsBetween: [7, 8, 9]),
  ]

  @Test(arguments: lapses, [Signal.terminate, .kill])
  func withoutAProofOnlyTheMembersAreSignalledOneByOne(lapse: Lapse, signal: Signal) {
    let script = Self.script(hasGroupsByPidfd: false)
    let killer = Self.killer(script, 7, 8, 9)
    script.exited = lapse.exited
    script.groups = lapse.groups
    script.whenAskedForGroup = { pid in
      if lapse.endsBetween.contains(pid) { script.exited.insert(pid) }
    }
    _ = killer.send(signal)
    #expect(Self.signals(script) == ["send 7 \(signal.name)", "send 8 \(signal.name)", "send 9 \(signal.name)"])
    #expect(!killer.reach.isWhole && killer.reach.oneByOne == .unproven)
    #expect(script.open.values.sorted() == [7, 8, 9])
  }

  /// To kill(2), 0 is the caller's own group, and −1 every process.
  @Test(arguments: [0, 1, -1, .min] as [Int32]) func aNumberThatNoGroupCanHaveIsNeverProved(number: Int32) {
    var asked = 0
    let proof = GroupProof(
      group: number, member: 5,
      hasExited: {
        asked += 1
        return false
      }, groupOf: { _ in number })
    switch proof {
    case .some: Issue.record("proved")
    case .none: #expect(asked == 0)
    }
  }

  @Test func aProofAsksWhetherTheMemberLivesBeforeAndAfter() {
    for (answers, isProved) in [([false, false], true), ([true, true], false), ([false, true], false)] {
      var left = answers
      let proof = GroupProof(group: 7, member: 8, hasExited: { left.removeFirst() }, groupOf: { _ in 7 })
      switch proof {
      case .some(let proof): #expect(isProved && proof.group == 7 && proof.member == 8 && left.isEmpty)
      case .none: #expect(!isProved)
      }
    }
  }

  // Processes that have come into the group.

  @Test(arguments: [Signal.terminate, .kill], [true, false])
  func aProcessThatCameIntoTheGroupAndMayBeKilledIsSignalledWithIt(signal: Signal, hasGroupsByPidfd: Bool) {
    let script = Self.script(hasGroupsByPidfd: hasGroupsByPidfd)
    let killer = Self.killer(script, 7, 8)
    // 9 is in the group, and no member of the kill set.
    script.groups[22] = 7
    #expect(killer.send(signal) == .sent && killer.reach.isWhole)
    #expect(killer.asked == [9, 22])
    #expect(Self.signals(script).first?.hasPrefix(hasGroupsByPidfd ? "group 7" : "number 7") == true)
  }

  @Test(arguments: [Signal.terminate, .kill], [true, false])
  func besideAProcessThatStaysTheOthersAreSignalledOneByOne(signal: Signal, hasGroupsByPidfd: Bool) {
    let script = Self.script(hasGroupsByPidfd: hasGroupsByPidfd)
    let killer = Self.killer(script, 7, 8)
    script.groups[22] = 7
    script.dieAtOnce = true
    killer.clearances = [9: .stays]
    #expect(killer.send(signal) == .sent && killer.reach.oneByOne == .protected && !killer.reach.isWhole)
    let signals = Self.signals(script)
    #expect(signals == [22, 7, 8].map { "send \($0) \(signal.name)" })
    #expect(script.open.values.sorted() == [7, 8], "those that were found are not held")
  }

  @Test func aProcessThatHasExitedKeepsTheGroupFromNothing() {
    let script = Self.script(hasGroupsByPidfd: true)
    let killer = Self.killer(script, 7, 8)
    killer.clearances = [9: .gone]
    #expect(killer.send(.kill) == .sent && killer.reach.isWhole && killer.asked == [9])
  }

  /// A member has exited, and an unknown process has its number. It is asked about like any other.
  @Test func aProcessWithTheNumberOfAMemberThatExitedIsAskedAbout() {
    let script = Self.script(hasGroupsByPidfd: true)
    let killer = Self.killer(script, 7, 8, 9)
    script.exited = [8]
    killer.clearances = [8: .stays]
    #expect(killer.send(.kill) == .sent && killer.reach.oneByOne == .protected)
    #expect(killer.asked.allSatisfy { $0 == 8 } && !script.take().contains { $0.hasPrefix("group") })
  }

  @Test(arguments: [Errno.accessDenied, .tooManyFiles])
  func aGroupThatCannotBeListedIsSignalledByItsMembers(errno: Errno) {
    let script = Self.script(hasGroupsByPidfd: true)
    let killer = Self.killer(script, 7, 8)
    script.failures["list"] = errno
    #expect(killer.send(.kill) == .sent && killer.reach.oneByOne == .refused(errno))
    #expect(Self.signals(script) == ["send 7 SIGKILL", "send 8 SIGKILL"])
  }

  @Test func moreProcessesThanTheKillerHoldsAreAllAskedAbout() {
    let script = CallScript()
    for pid: Int32 in 7...40 {
      script.processes[pid] = UInt64(pid) * 10
      script.groups[pid] = 7
    }
    let killer = ScriptedKiller(script, capacity: 8)
    #expect(killer.hold(ProcessIdentity(pid: 7, startTime: Ticks(70))) == .held)
    killer.takeGroup(7)
    #expect(killer.send(.terminate) == .sent && killer.reach.isWhole && killer.asked == Array(8...40))
    killer.clearances = [40: .stays]
    _ = script.take()
    #expect(killer.send(.terminate) == .sent && killer.reach.oneByOne == .protected)
    #expect(Self.signals(script) == ((8...39) + [7]).map { "send \($0) SIGTERM" })
  }

  /// A member dies of its signal at once. It has proved the number before.
  @Test func theOthersAreFoundBeforeTheMembersAreKilled() {
    let script = Self.script(hasGroupsByPidfd: true)
    let killer = Self.killer(script, 7)
    killer.clearances = [9: .stays]
    script.dieAtOnce = true
    #expect(killer.send(.kill) == .sent)
    #expect(Set(Self.signals(script)) == ["send 7 SIGKILL", "send 8 SIGKILL"])
  }

  /// A process that is killed has forked before. The last round finds no new process.
  @Test func processesThatAreForkedMeanwhileAreFoundToo() {
    let script = Self.script(hasGroupsByPidfd: true)
    let killer = Self.killer(script, 7)
    killer.clearances = [9: .stays]
    killer.whenAsked = { pid in
      if pid == 8 {
        script.processes[30] = 300
        script.groups[30] = 7
      }
    }
    #expect(killer.send(.kill) == .sent)
    #expect(Set(Self.signals(script)) == ["send 7 SIGKILL", "send 8 SIGKILL", "send 30 SIGKILL"])
  }
}
