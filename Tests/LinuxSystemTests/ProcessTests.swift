import Foundation
import LinuxSystem
import Testing

@Suite struct ProcessTests {
  private static func shell(_ script: String, inheriting file: borrowing OwnedDescriptor) throws(Errno) -> Child {
    try Child.start(CPath("/bin/sh"), [CPath("sh"), CPath("-c"), CPath(script)], inheriting: file)
  }

  @Test(arguments: [
    ("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -TERM $$", 143),
    // No signal stays blocked or ignored, whatever the parent blocks or ignores.
    ("kill -PIPE $$; exit 0", 141), ("kill -HUP $$; exit 0", 129),
  ])
  func aChildsExitStatusIsThatOfAShell(script: String, status: Int32) throws {
    let file = try MemoryFile.create(CPath("unused"))
    let child = try Self.shell(script, inheriting: file)
    #expect(try child.wait() == status)
  }

  @Test func aChildInheritsTheOneDescriptorAndABareEnvironment() throws {
    let file = try MemoryFile.create(CPath("output"))
    let raw = file.raw
    let other = try MemoryFile.create(CPath("not for it"))
    let child = try Self.shell(
      """
      env | grep -v -e ^PWD= -e ^_= -e ^OLDPWD= -e ^SHLVL= >>/proc/self/fd/\(raw)
      test -e /proc/self/fd/\(other.raw); echo $? >>/proc/self/fd/\(raw)
      """,
      inheriting: file)
    #expect(try child.wait() == 0)
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = try file.readWhole(into: &buffer)
    #expect(String(decoding: buffer[..<count], as: UTF8.self) == "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n1\n")
    #expect(fcntl(raw, F_GETFD) & FD_CLOEXEC != 0, "closed on exec again")
  }

  @Test func aProgramThatIsNotThereIsAnError() throws {
    let file = try MemoryFile.create(CPath("unused"))
    #expect(throws: Errno.noSuchFile) { _ = try Child.start(CPath("/nonexistent"), [CPath("x")], inheriting: file) }
    let raw = file.raw
    #expect(fcntl(raw, F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func aHandleTellsWhenItsProcessExits() throws {
    let file = try MemoryFile.create(CPath("unused"))
    let child = try Self.shell("exec sleep 60", inheriting: file)
    let before = child.handle.hasExited
    try child.handle.send(.kill)
    let status = try child.wait()
    let after = child.handle.hasExited
    #expect(!before && status == 137 && after)
    #expect(throws: Errno.noSuchProcess) { try child.handle.send(.terminate) }
    let pid = child.pid
    #expect(throws: Errno.noSuchProcess) { _ = try ProcessHandle(pid: pid) }
    #expect(ProcessHandle.isSupported)
  }

  @Test func theFactsOfTheOwnProcessAgreeWithTheSystem() throws {
    #expect(OwnProcess.pid == getpid() && OwnProcess.effectiveUID == geteuid())
    #expect(OwnProcess.pageSizeKiB == UInt64(sysconf(Int32(_SC_PAGESIZE))) / 1024)
    #expect(OwnProcess.clockTicksPerSecond == UInt64(sysconf(Int32(_SC_CLK_TCK))))
    #expect(try OwnProcess.arguments().map { String(decoding: $0, as: UTF8.self) } == CommandLine.arguments)
  }

  @Test func clocksAreTheKernels() throws {
    let first = Clock.sinceBoot()
    let uptime = try String(contentsOfFile: "/proc/uptime", encoding: .utf8)
    let second = Clock.sinceBoot()
    let seconds = try #require(uptime.split(separator: " ").first.flatMap { Double($0) })
    // The file has hundredths of a second, rounded down.
    #expect(Double(first) / 1e9 < seconds + 0.011 && seconds < Double(second) / 1e9 + 0.001)
    let now = Date().timeIntervalSince1970
    #expect(Double(Clock.sinceEpoch()) / 1e9 >= now && Clock.sinceBoot() >= second)
  }

  @Test(arguments: Signal.allCases)
  func signalsKeepTheirNumbers(signal: Signal) {
    #expect(Signal(rawValue: signal.rawValue)?.rawValue == signal.rawValue)
    let expected = [
      "SIGTERM": SIGTERM, "SIGKILL": SIGKILL, "SIGHUP": SIGHUP, "SIGINT": SIGINT, "SIGCHLD": SIGCHLD,
      "SIGQUIT": SIGQUIT, "SIGABRT": SIGABRT, "SIGUSR1": SIGUSR1, "SIGUSR2": SIGUSR2, "SIGCONT": SIGCONT,
    ]
    #expect(expected[signal.name] == signal.rawValue)
  }

  @Test func anUnknownSignalNumberIsNone() {
    #expect(Signal(rawValue: SIGSTOP) == nil && Signal(rawValue: 0) == nil && Signal(rawValue: -1) == nil)
  }

  @Test func everyReasonHasAText() {
    for number: Int32 in 1...133 { #expect(!Errno(number).text.isEmpty) }
    #expect(Errno.notPermitted.text == "operation not permitted")
    #expect(Errno.noMemory.isPassing && Errno.wouldBlock.isPassing && !Errno.notPermitted.isPassing)
  }
}
