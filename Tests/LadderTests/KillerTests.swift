import Foundation
import Ladder
import LinuxSystem
import ProcModel
import Testing

/// On real processes, which the test starts itself.
@Suite struct KillerTests {
  @Test func itHoldsTheOneMeantAndItsSignalArrives() throws {
    let sleeper = try Sleeper()
    let actuator = try LiveHand()
    #expect(actuator.hasExited && actuator.exitDescriptor == nil)
    #expect(actuator.hold(try sleeper.identity()) == .held)
    #expect(!actuator.hasExited && actuator.exitDescriptor != nil)
    #expect(actuator.send(.terminate) == .sent)
    sleeper.process.waitUntilExit()
    #expect(sleeper.process.terminationReason == .uncaughtSignal && sleeper.process.terminationStatus == SIGTERM)
    #expect(actuator.hasExited)
    #expect(actuator.send(.kill) == .vanished)
    actuator.release()
    #expect(actuator.exitDescriptor == nil && actuator.send(.kill) == .vanished)
  }

  /// What a start time is wrong by: the number is another process's then.
  @Test(arguments: [-1, 1, 1_000_000]) func aProcessWithAnotherStartTimeIsLeftAlone(difference: Int64) throws {
    let sleeper = try Sleeper()
    var identity = try sleeper.identity()
    identity.startTime = Ticks(UInt64(Int64(identity.startTime.count) + difference))
    let actuator = try LiveHand()
    #expect(actuator.hold(identity) == .changed)
    // Nothing is held, so nothing can be sent, whoever asks.
    #expect(actuator.exitDescriptor == nil)
    #expect(actuator.send(.kill) == .vanished)
    #expect(sleeper.process.isRunning)
    #expect(try lives(identity.pid))
  }

  @Test func aHoldThatFailsLetsTheLastOneGo() throws {
    let first = try Sleeper()
    let second = try Sleeper()
    let actuator = try LiveHand()
    #expect(actuator.hold(try first.identity()) == .held)
    var wrong = try second.identity()
    wrong.startTime = Ticks(1)
    #expect(actuator.hold(wrong) == .changed)
    #expect(actuator.send(.kill) == .vanished)
    #expect(first.process.isRunning && second.process.isRunning)
  }

  @Test func oneThatHasBeenCollectedHasVanished() throws {
    let sleeper = try Sleeper()
    let identity = try sleeper.identity()
    sleeper.end()
    let actuator = try LiveHand()
    #expect(actuator.hold(identity) == .vanished)
    #expect(actuator.send(.kill) == .vanished)
  }

  /// A shell that does not wait for its child keeps the zombie.
  @Test func oneThatEndedByItselfAndIsNotYetCollectedHasVanished() throws {
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
    let actuator = try LiveHand()
    #expect(actuator.hold(ProcessIdentity(pid: zombie, startTime: try stat(of: zombie).startTime)) == .vanished)
  }

  @Test func anImpossibleNumberIsRefused() throws {
    let actuator = try LiveHand()
    #expect(actuator.hold(ProcessIdentity(pid: -1, startTime: Ticks(1))) == .refused(.invalidArgument))
  }

  @Test func withoutCallsNoProcessIsSignalled() throws {
    let sleeper = try Sleeper()
    var actuator = Killer<LiveCalls>(calls: nil)
    let hold = actuator.hold(try sleeper.identity())
    let deliveries = [actuator.send(.terminate) { _ in .mayGo }, actuator.send(.kill) { _ in .mayGo }]
    let hasExited = actuator.hasExited
    actuator.release()
    #expect(hold == .held && deliveries == [.rehearsed, .rehearsed] && !hasExited)
    #expect(try lives(sleeper.process.processIdentifier))
  }

  @Test func holdingTakesNoDescriptorForGood() throws {
    let sleeper = try Sleeper()
    let identity = try sleeper.identity()
    var wrong = identity
    wrong.startTime = Ticks(1)
    let actuator = try LiveHand()
    var seen: Set<Int32> = []
    for _ in 0..<2000 {
      #expect(actuator.hold(identity) == .held)
      seen.insert(try #require(actuator.exitDescriptor))
      #expect(actuator.hold(wrong) == .changed)
    }
    // Numbers are used again: other tests of this process take some meanwhile.
    #expect(seen.count < 100)
  }
}

/// A killer with real calls that expectations can be put on: they copy what they look at.
private final class LiveHand {
  private var actuator: Killer<LiveCalls>

  init() throws(Errno) {
    actuator = Killer(calls: LiveCalls(proc: try OwnedDescriptor.open(CPath("/proc"), .read, .directory)))
  }

  func hold(_ identity: ProcessIdentity) -> Hold { actuator.hold(identity) }
  func send(_ signal: Signal) -> Delivery { actuator.send(signal) { _ in .stays } }
  func release() { actuator.release() }
  var hasExited: Bool { actuator.hasExited }
  var exitDescriptor: Int32? { actuator.exitDescriptor }
}

/// Whether the process is there and has not ended.
private func lives(_ pid: Int32) throws(Errno) -> Bool {
  let handle = try ProcessHandle(pid: pid)
  return !handle.hasExited
}

/// A child that sleeps for a minute, and is ended with the test.
private final class Sleeper {
  let process = Process()

  init() throws {
    process.executableURL = URL(filePath: "/usr/bin/env")
    // A test runner may block signals, and children inherit that.
    process.arguments = ["--default-signal", "--block-signal=", "sleep", "60"]
    try process.run()
    // Until env has become sleep, with its signals put right.
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
