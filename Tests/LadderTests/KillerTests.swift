import Foundation
import Ladder
import LinuxSystem
import ProcModel
import Testing

/// The killer with real calls, on processes that the test starts.
@Suite struct KillerTests {
  @Test func aProcessIsHeldAndItsSignalArrives() throws {
    let sleeper = try Sleeper()
    let killer = try LiveKiller()
    #expect(killer.hasExited && killer.exitDescriptor == nil)
    #expect(killer.hold(try sleeper.identity()) == .held)
    #expect(!killer.hasExited && killer.exitDescriptor != nil)
    #expect(killer.send(.terminate) == .sent)
    sleeper.process.waitUntilExit()
    #expect(sleeper.process.terminationReason == .uncaughtSignal && sleeper.process.terminationStatus == SIGTERM)
    #expect(killer.hasExited)
    #expect(killer.send(.kill) == .vanished)
    killer.release()
    #expect(killer.exitDescriptor == nil && killer.send(.kill) == .vanished)
  }

  /// - Parameter difference: By how much the start time is wrong. The number is then another process's.
  @Test(arguments: [-1, 1, 1_000_000]) func aProcessWithAnotherStartTimeIsLeftAlone(difference: Int64) throws {
    let sleeper = try Sleeper()
    var identity = try sleeper.identity()
    identity.startTime = Ticks(UInt64(Int64(identity.startTime.count) + difference))
    let killer = try LiveKiller()
    #expect(killer.hold(identity) == .changed)
    // No process is held, so no signal can be sent.
    #expect(killer.exitDescriptor == nil)
    #expect(killer.send(.kill) == .vanished)
    #expect(sleeper.process.isRunning)
    #expect(try lives(identity.pid))
  }

  @Test func aHoldThatFailsLetsTheLastProcessGo() throws {
    let first = try Sleeper()
    let second = try Sleeper()
    let killer = try LiveKiller()
    #expect(killer.hold(try first.identity()) == .held)
    var wrong = try second.identity()
    wrong.startTime = Ticks(1)
    #expect(killer.hold(wrong) == .changed)
    #expect(killer.send(.kill) == .vanished)
    #expect(first.process.isRunning && second.process.isRunning)
  }

  @Test func aProcessThatWasCollectedHasVanished() throws {
    let sleeper = try Sleeper()
    let identity = try sleeper.identity()
    sleeper.end()
    let killer = try LiveKiller()
    #expect(killer.hold(identity) == .vanished)
    #expect(killer.send(.kill) == .vanished)
  }

  /// A shell that does not wait for its child keeps the zombie.
  @Test func aZombieHasVanished() throws {
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/sh")
    shell.arguments = ["-c", "true & echo $!; exec sleep 60"]
    let output = Pipe()
    shell.standardOutput = output
    try shell.run()
    defer { kill(shell.processIdentifier, SIGKILL) }
    let line = try #require(String(data: output.fileHandleForReading.availableData, encoding: .utf8))
    let zombie = try #require(Int32(line.trimmingCharacters(in: .newlines)))
    while try stat(of: zombie).state != UInt8(ascii: "Z") { usleep(1000) }
    let killer = try LiveKiller()
    #expect(killer.hold(ProcessIdentity(pid: zombie, startTime: try stat(of: zombie).startTime)) == .vanished)
  }

  @Test func anImpossibleProcessNumberIsRefused() throws {
    let killer = try LiveKiller()
    #expect(killer.hold(ProcessIdentity(pid: -1, startTime: Ticks(1))) == .refused(.invalidArgument))
  }

  @Test func withoutCallsNoProcessIsSignalled() throws {
    let sleeper = try Sleeper()
    var killer = Killer<LiveCalls>(calls: nil)
    let hold = killer.hold(try sleeper.identity())
    let deliveries = [killer.send(.terminate) { _ in .mayGo }, killer.send(.kill) { _ in .mayGo }]
    let hasExited = killer.hasExited
    killer.release()
    #expect(hold == .held && deliveries == [.rehearsed, .rehearsed] && !hasExited)
    #expect(try lives(sleeper.process.processIdentifier))
  }

  @Test func holdingLeaksNoDescriptor() throws {
    let sleeper = try Sleeper()
    let identity = try sleeper.identity()
    var wrong = identity
    wrong.startTime = Ticks(1)
    let killer = try LiveKiller()
    var seen: Set<Int32> = []
    for _ in 0..<2000 {
      #expect(killer.hold(identity) == .held)
      seen.insert(try #require(killer.exitDescriptor))
      #expect(killer.hold(wrong) == .changed)
    }
    // Descriptors' numbers are used again. Other tests of this process take some meanwhile.
    #expect(seen.count < 100)
  }
}

/// A killer with real calls, as a class: expectations copy what they look at.
private final class LiveKiller {
  private var killer: Killer<LiveCalls>

  init() throws(Errno) {
    killer = Killer(calls: LiveCalls(proc: try OwnedDescriptor.open(CPath("/proc"), .read, .directory)))
  }

  func hold(_ identity: ProcessIdentity) -> Hold { killer.hold(identity) }
  func send(_ signal: Signal) -> Delivery { killer.send(signal) { _ in .stays } }
  func release() { killer.release() }
  var hasExited: Bool { killer.hasExited }
  var exitDescriptor: Int32? { killer.exitDescriptor }
}

/// Whether the process is there and has not exited.
private func lives(_ pid: Int32) throws(Errno) -> Bool {
  let handle = try ProcessHandle(pid: pid)
  return !handle.hasExited
}

/// A child that sleeps for a minute, and is killed with the test.
private final class Sleeper {
  let process = Process()

  init() throws {
    process.executableURL = URL(filePath: "/usr/bin/env")
    // A test runner may block signals, and children inherit that.
    process.arguments = ["--default-signal", "--block-signal=", "sleep", "60"]
    try process.run()
    // Waits until env has become sleep, with its signals reset.
    while try comm() != Comm("sleep") { usleep(1000) }
  }

  deinit {
    end()
  }

  func end() {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  func identity() throws -> ProcessIdentity {
    let pid = process.processIdentifier
    return ProcessIdentity(pid: pid, startTime: try stat(of: pid).startTime)
  }

  private func comm() throws -> Comm { try stat(of: process.processIdentifier).comm }
}

private func stat(of pid: Int32) throws -> ProcessStat {
  let bytes = [UInt8](try Data(contentsOf: URL(filePath: "/proc/\(pid)/stat")))
  return try ProcessStat(parsing: bytes.span)
}
