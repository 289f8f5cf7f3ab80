import Ladder
import LinuxSystem
import ProcModel
import Testing

/// Restart calls that only write a log.
private final class ScriptedMachine: RestartCalls {
  let isSynced: Bool
  let failures: [String: Errno]
  var done: [String] = []

  init(isSynced: Bool = true, failures: [String: Errno] = [:]) {
    self.isSynced = isSynced
    self.failures = failures
  }

  private func act(_ name: String) throws(Errno) {
    done.append(name)
    if let failure = failures[name] { throw failure }
  }

  func beginSync() throws(Errno) { try act("sync") }
  func reboot() throws(Errno) { try act("reboot") }
  func sysrq(_ letter: UInt8) throws(Errno) { try act("sysrq \(Character(UnicodeScalar(letter)))") }
}

@Suite struct LastResortTests {
  private func check(
    _ course: inout LastResortCourse, _ machine: ScriptedMachine, _ now: Nanoseconds,
    _ step: LastResortCourse.Step,
    _ location: SourceLocation = #_sourceLocation
  ) {
    let taken = course.advance(machine, now: now)
    #expect(taken == step, sourceLocation: location)
  }

  @Test(
    arguments: [
      (.reboot, ["sync", "reboot"]), (.panic, ["sync", "sysrq c"]), (.resetNow, ["sync", "sysrq b"]),
    ] as [(LastResortWay, [String])])
  func theDisksAreSyncedBeforeTheRestart(resort: LastResortWay, done: [String]) {
    let machine = ScriptedMachine()
    var course = LastResortCourse(resort)
    check(&course, machine, .milliseconds(100), .syncing)
    check(&course, machine, .milliseconds(101), .told(resort))
    #expect(machine.done == done)
  }

  @Test func syncIsWaitedForTenSecondsAtMost() {
    let machine = ScriptedMachine(isSynced: false)
    var course = LastResortCourse(.reboot)
    for at: UInt64 in [0, 1, 5000, 9999] { check(&course, machine, .milliseconds(at), .syncing) }
    #expect(machine.done == ["sync"])
    check(&course, machine, .milliseconds(10_000), .told(.reboot))
  }

  @Test(arguments: [LastResortWay.reboot, .panic], [Errno.notPermitted, .invalidArgument, .noSuchFile, .accessDenied])
  func afterARefusalTheKernelsOwnResetIsTried(resort: LastResortWay, errno: Errno) {
    let machine = ScriptedMachine(failures: ["reboot": errno, "sysrq c": errno])
    var course = LastResortCourse(resort)
    check(&course, machine, .zero, .syncing)
    check(&course, machine, .zero, .refused(resort, errno))
    check(&course, machine, .zero, .told(.resetNow))
    check(&course, machine, .zero, .exhausted)
    let closed = ScriptedMachine(failures: ["sync": .busy, "reboot": errno, "sysrq c": errno, "sysrq b": errno])
    course = LastResortCourse(resort)
    check(&course, closed, .zero, .refused(resort, errno))
    check(&course, closed, .zero, .refused(.resetNow, errno))
    check(&course, closed, .zero, .exhausted)
  }
}
