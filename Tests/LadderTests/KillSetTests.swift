import Ladder
import LinuxSystem
import ProcModel
import Testing

/// The killer with scripted calls, each of which fails in each way it can.
@Suite struct KillSetTests {
  /// Three processes, 7, 8 and 9, with the start times 70, 80 and 90.
  private static func script() -> CallScript {
    let script = CallScript()
    script.processes = [7: 70, 8: 80, 9: 90]
    return script
  }

  private static func identity(_ pid: Int32) -> ProcessIdentity {
    ProcessIdentity(pid: pid, startTime: Ticks(UInt64(pid) * 10))
  }

  /// A killer that holds these processes, the first as the leader.
  private static func killer(_ script: CallScript, _ pids: Int32...) -> ScriptedKiller {
    let killer = ScriptedKiller(script)
    for (index, pid) in pids.enumerated() {
      #expect((index == 0 ? killer.hold(identity(pid)) : killer.join(identity(pid))) == .held)
    }
    _ = script.take()
    return killer
  }

  // Holding.

  struct Fault: Sendable, CustomTestStringConvertible {
    var call: String
    var errno: Errno
    var hold: Hold
    var testDescription: String { "\(call): \(errno.text)" }

    init(_ call: String, _ errno: Errno, _ hold: Hold) { (self.call, self.errno, self.hold) = (call, errno, hold) }
  }

  /// Each error of pidfd_open(2), and of open(2) and read(2) of a file of /proc.
  static let holdFaults = [
    Fault("open", .noSuchProcess, .vanished), Fault("open", .invalidArgument, .refused(.invalidArgument)),
    Fault("open", .tooManyFiles, .refused(.tooManyFiles)), Fault("open", Errno(23), .refused(Errno(23))),
    Fault("open", .noMemory, .refused(.noMemory)), Fault("open", Errno(19), .refused(Errno(19))),
    Fault("open", .notSupported, .refused(.notSupported)), Fault("open", .notPermitted, .refused(.notPermitted)),
    Fault("stat", .noSuchFile, .vanished), Fault("stat", .noSuchProcess, .vanished),
    Fault("stat", .accessDenied, .refused(.accessDenied)), Fault("stat", .notPermitted, .refused(.notPermitted)),
    Fault("stat", .tooManyFiles, .refused(.tooManyFiles)), Fault("stat", Errno(23), .refused(Errno(23))),
    Fault("stat", .noMemory, .refused(.noMemory)), Fault("stat", Errno(5), .refused(Errno(5))),
  ]

  @Test(arguments: holdFaults) func aHoldThatFailsHoldsNothing(fault: Fault) {
    let script = Self.script()
    script.failures[fault.call] = fault.errno
    let killer = ScriptedKiller(script)
    #expect(killer.hold(Self.identity(7)) == fault.hold)
    #expect(script.open.isEmpty, "no descriptor is left")
    #expect(killer.send(.kill) == .vanished && killer.hasExited && killer.exitDescriptor == nil)
    // The same process is held later, when the reason has passed.
    script.failures = [:]
    #expect(killer.hold(Self.identity(7)) == .held && script.open.count == 1)
  }

  @Test(arguments: holdFaults) func aProcessThatCannotBeHeldLeavesTheKillSetAsItIs(fault: Fault) {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    script.failures["\(fault.call) 8"] = fault.errno
    #expect(killer.join(Self.identity(8)) == fault.hold)
    #expect(script.open.values.sorted() == [7])
    #expect(killer.send(.kill) == .sent)
  }

  @Test func aProcessWithTheNumberOfAnotherIsNeverHeld() {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    script.processes[8] = 81
    #expect(killer.join(Self.identity(8)) == .changed)
    script.exited = [9]
    #expect(killer.join(Self.identity(9)) == .vanished)
    #expect(killer.send(.kill) == .sent)
    #expect(script.take().filter { $0.hasPrefix("send") } == ["send 7 SIGKILL"])
  }

  @Test func aKillSetHasFiveHundredAndTwelveMembersAtMost() {
    let script = CallScript()
    for pid: Int32 in 1...513 { script.processes[pid] = UInt64(pid) * 10 }
    let killer = ScriptedKiller(script)
    for pid: Int32 in 1...512 {
      #expect((pid == 1 ? killer.hold(Self.identity(pid)) : killer.join(Self.identity(pid))) == .held)
    }
    #expect(killer.join(Self.identity(513)) == .refused(.tooManyFiles))
    #expect(killer.send(.kill) == .sent && killer.reach.sent == 512)
    killer.release()
    #expect(script.open.isEmpty)
    #expect(killer.join(Self.identity(513)) == .held)
  }

  // Sending.

  @Test func eachSignalButSIGKILLIsFollowedBySIGCONT() {
    for signal in Signal.allCases {
      let script = Self.script()
      let killer = Self.killer(script, 7)
      #expect(killer.send(signal) == .sent)
      let isFollowed = signal != .kill && signal != .resume
      let before = signal == .kill ? ["hasten 7"] : []
      #expect(script.take() == before + ["send 7 \(signal.name)"] + (isFollowed ? ["send 7 SIGCONT"] : []))
    }
  }

  /// Each error of pidfd_send_signal(2).
  @Test(
    arguments: [
      (.noSuchProcess, .vanished), (.notPermitted, .refused(.notPermitted)),
      (.invalidArgument, .refused(.invalidArgument)), (.wouldBlock, .refused(.wouldBlock)),
      (.noMemory, .refused(.noMemory)), (.badDescriptor, .refused(.badDescriptor)),
      (.notSupported, .refused(.notSupported)),
    ] as [(Errno, Delivery)])
  func aSignalThatFailsIsTold(errno: Errno, delivery: Delivery) {
    for signal in [Signal.terminate, .kill] {
      let script = Self.script()
      let killer = Self.killer(script, 7)
      script.failures["send"] = errno
      #expect(killer.send(signal) == delivery)
      let sends = script.take().filter { $0 != "hasten 7" }
      #expect(sends == ["send 7 \(signal.name)"], "no SIGCONT after one that did not arrive")
      #expect(script.open.count == 1, "it is still held")
    }
  }

  @Test(arguments: [Errno.accessDenied, .notPermitted, .noSuchFile, .noSuchProcess, .tooManyFiles, .noMemory])
  func aKillDoesNotFailWhereThePriorityCannotBeRaised(errno: Errno) {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    script.failures["hasten"] = errno
    #expect(killer.send(.kill) == .sent && killer.reach.refused == 0)
    #expect(script.take() == ["hasten 7", "send 7 SIGKILL"])
  }

  @Test func aSignalIsSentWhereOneMemberGotItAndTheOthersAreCounted() {
    let script = Self.script()
    let killer = Self.killer(script, 7, 8, 9)
    script.exited = [7]
    script.failures["send 8"] = .notPermitted
    #expect(killer.send(.kill) == .sent)
    #expect(killer.reach.sent == 1 && killer.reach.vanished == 1 && killer.reach.refused == 1)
    #expect(killer.reach.refusal == .notPermitted)
    script.exited = [7, 9]
    #expect(killer.send(.kill) == .refused(.notPermitted))
    script.exited = [7, 8, 9]
    script.failures = [:]
    #expect(killer.send(.kill) == .vanished)
  }

  @Test(arguments: [Errno.noSuchProcess, .notPermitted, .notSupported])
  func aGroupThatCannotBeSignalledWholeIsSignalledOneByOne(errno: Errno) {
    let script = Self.script()
    let killer = Self.killer(script, 7, 8)
    killer.takeGroup(7)
    script.failures["group"] = errno
    #expect(killer.send(.terminate) == .sent)
    let first = script.take().filter { $0.hasSuffix("SIGTERM") }
    #expect(first == ["group 7 SIGTERM", "send 7 SIGTERM", "send 8 SIGTERM"])
    #expect(killer.send(.kill) == .sent)
    let sends = script.take().filter { !$0.hasPrefix("hasten") }
    #expect(sends == ["group 7 SIGKILL", "send 7 SIGKILL", "send 8 SIGKILL"])
    #expect(!killer.reach.isWhole)
  }

  @Test func aSignalToAWholeGroupIsSentAlsoWhereAllMembersHaveExited() {
    let script = Self.script()
    let killer = Self.killer(script, 7, 8)
    killer.takeGroup(7)
    script.exited = [7, 8]
    #expect(killer.send(.kill) == .sent && killer.reach.isWhole && killer.reach.vanished == 2)
  }

  @Test func theFirstSignalReachesAGroupInOneStepAndNoMemberTwice() {
    let script = Self.script()
    let killer = Self.killer(script, 8, 7, 9)
    killer.takeGroup(7)
    _ = script.take()
    script.exited = [9]
    #expect(killer.send(.terminate) == .sent && killer.reach.isWhole)
    #expect(script.take() == ["group 7 SIGTERM", "send 8 SIGCONT", "send 7 SIGCONT"])
    #expect(killer.reach.sent == 2 && killer.reach.vanished == 1)
  }

  @Test func aGroupThatNoMemberLeadsIsNotTaken() {
    let script = Self.script()
    let killer = Self.killer(script, 8, 9)
    killer.takeGroup(7)
    #expect(killer.send(.terminate) == .sent && !killer.reach.isWhole)
    #expect(!script.take().contains { $0.hasPrefix("group") })
  }

  // Exits.

  @Test func aKillSetHasExitedWhenAllMembersHave() {
    let script = Self.script()
    let killer = Self.killer(script, 7, 8, 9)
    let first = killer.exitDescriptor
    #expect(first.flatMap { script.open[$0] } == 7)
    script.exited = [7, 9]
    #expect(!killer.hasExited)
    #expect(killer.exitDescriptor.flatMap { script.open[$0] } == 8)
    script.exited = [7, 8, 9]
    #expect(killer.hasExited && killer.exitDescriptor == nil)
  }

  // Reaping.

  @Test func nothingIsReapedBeforeSIGKILL() {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    killer.reap()
    _ = killer.send(.terminate)
    _ = script.take()
    killer.reap()
    #expect(script.take().isEmpty)
  }

  @Test func dyingProcessesAreStagedOnceAndTheResultsAreAddedUp() {
    let script = Self.script()
    let killer = Self.killer(script, 7, 8, 9)
    _ = killer.send(.kill)
    _ = script.take()
    script.exited = [7]
    var result = HelperResult()
    result.released = 2
    result.nanoseconds = 5
    script.releases = [result]
    killer.reap()
    #expect(script.take() == ["stage 8", "stage 9", "release"])
    #expect(killer.released == result)
    killer.reap()
    #expect(script.take().isEmpty, "all has been given back")
    // A new kill set begins without the last one's result.
    #expect(killer.hold(Self.identity(8)) == .held && killer.released == nil)
  }

  @Test func memoryThatIsInUseIsReleasedInTenTriesAtMost() {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    _ = killer.send(.kill)
    _ = script.take()
    var busy = HelperResult()
    busy.busy = 1
    script.releases = Array(repeating: busy, count: 20)
    for _ in 0..<20 { killer.reap() }
    #expect(script.take().filter { $0 == "release" }.count == 10)
    #expect(killer.released?.busy == 1, "as it stands, not as often as it was asked")
  }

  @Test func noReleaseIsBegunWhileOneIsUnderWay() {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    _ = killer.send(.kill)
    script.releases = [nil]
    killer.reap()
    _ = script.take()
    for _ in 0..<5 { killer.reap() }
    #expect(script.take().isEmpty && killer.released == nil)
  }

  /// ENOSYS: the call is not there. EBUSY: the helper is at work for another kill set. EMFILE: no room for a duplicate.
  @Test(arguments: ["stage", "release"], [Errno.notSupported, .busy, .tooManyFiles])
  func aReleaseThatFailsIsTriedAgain(call: String, errno: Errno) {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    _ = killer.send(.kill)
    script.failures[call] = errno
    killer.reap()
    #expect(killer.released == nil && !killer.hasExited)
    _ = script.take()
    script.failures = [:]
    killer.reap()
    #expect(script.take().last == "release", "asked for again at the next look")
    script.exited = [7]
    #expect(killer.hasExited)
  }

  // Why a process has not exited.

  struct Stance: Sendable {
    var state: String
    var threads = 1
    var tracer = 0
    var dumps = 0
    var cgroup = "0::/jobs"
    var standstill: Standstill

    init(
      _ state: String, threads: Int = 1, tracer: Int = 0, dumps: Int = 0, cgroup: String = "0::/jobs",
      _ found: Standstill
    ) {
      (self.state, self.threads, self.tracer, self.dumps) = (state, threads, tracer, dumps)
      (self.cgroup, standstill) = (cgroup, found)
    }

    var status: String {
      "Name:\tState: D\nState:\t\(state)\nTgid:\t7\nTracerPid:\t\(tracer)\nThreads:\t\(threads)\nCoreDumping:\t\(dumps)\n"
    }
  }

  @Test(arguments: [
    Stance("R (running)", .running), Stance("S (sleeping)", .running), Stance("D (disk sleep)", .uninterruptible),
    Stance("T (stopped)", .stopped), Stance("t (tracing stop)", tracer: 3, .traced), Stance("I (idle)", .running),
    Stance("Z (zombie)", threads: 3, .threadsLeft), Stance("Z (zombie)", .gone), Stance("X (dead)", .gone),
    // It is traced, but it runs.
    Stance("S (sleeping)", tracer: 3, .running),
    Stance("D (disk sleep)", dumps: 1, .dumpsCore), Stance("S (sleeping)", dumps: 1, .dumpsCore),
    Stance("D (disk sleep)", cgroup: "5:freezer:/ice\n0::/", .frozen),
    Stance("S (sleeping)", cgroup: "0::/ice", .frozen),
    Stance("D (disk sleep)", cgroup: "5:freezer:/\n0::/", .uninterruptible),
    Stance("R (running)", cgroup: "0::/ice", .running), Stance("T (stopped)", cgroup: "0::/ice", .stopped),
  ])
  func whyAProcessHasNotExitedIsReadFromItsFiles(stance: Stance) {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    script.status[7] = stance.status
    script.cgroup[7] = stance.cgroup
    script.frozen = ["/ice"]
    #expect(killer.examine() == stance.standstill)
  }

  @Test(
    arguments: [.stat, .status, .cgroup] as [ProcessFile],
    [
      (.noSuchFile, .gone), (.noSuchProcess, .gone), (.accessDenied, .running), (.noMemory, .running),
      (.tooManyFiles, .running), (Errno(5), .running),
    ] as [(Errno, Standstill)])
  func aProcessWhoseFilesCannotBeReadCountsAsGoneOrRunning(file: ProcessFile, fault: (Errno, Standstill)) {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    script.status[7] = Stance("D (disk sleep)", .uninterruptible).status
    script.failures[file.path] = fault.0
    // Only `status` is needed.
    #expect(killer.examine() == (file == .status ? fault.1 : .uninterruptible))
  }

  @Test func theFilesOfAMemberThatHasExitedAreNotRead() {
    let script = Self.script()
    let killer = Self.killer(script, 7, 8)
    script.status[8] = Stance("T (stopped)", .stopped).status
    script.exited = [7]
    #expect(killer.examine() == .stopped, "of the first that lives")
    script.exited = [7, 8]
    #expect(killer.examine() == .gone)
  }

  @Test func sharedMemoryIsTheReasonWhereTheKernelRefusesToReleaseIt() {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    _ = killer.send(.kill)
    var entangled = HelperResult()
    entangled.entangled = 1
    script.releases = [entangled]
    killer.reap()
    #expect(killer.examine() == .sharesMemory)
  }

  // Thawing.

  @Test(
    arguments: [
      ("5:freezer:/jobs/one\n0::/\n", ["thaw /jobs/one"], true), ("5:freezer:/\n0::/jobs\n", [], false),
      ("0::/jobs\n", [], false), ("5:freezer:/a b:c\n", ["thaw /a b:c"], true), ("", [], false),
      ("4:cpu,freezer:/x\n", [], false),
    ] as [(String, [String], Bool)])
  func aVersionOneFreezerIsFoundAndThawed(cgroup: String, thaws: [String], done: Bool) {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    script.cgroup[7] = cgroup
    #expect(killer.thaw() == done)
    #expect(script.take().filter { $0.hasPrefix("thaw") } == thaws)
    script.failures["thaw"] = .accessDenied
    #expect(!killer.thaw())
  }

  // Kin.

  @Test func kcmpTellsWhetherAProcessHasTheVictimsMemory() {
    let script = Self.script()
    let killer = Self.killer(script, 7)
    script.kin = [8]
    #expect(killer.kinship(Self.identity(8)) == .shares)
    #expect(killer.kinship(Self.identity(9)) == .separate)
    for errno in [Errno.notPermitted, .noSuchProcess, .notSupported] {
      script.failures["kcmp"] = errno
      #expect(killer.kinship(Self.identity(8)) == .unknown(errno))
    }
    script.failures = [:]
    script.exited = [8]
    #expect(killer.kinship(Self.identity(8)) == .unknown(.noSuchProcess))
    #expect(script.open.values.sorted() == [7], "none of those asked about is held")
  }
}
