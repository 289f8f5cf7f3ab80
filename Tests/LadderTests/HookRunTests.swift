import Foundation
import Ladder
import LinuxSystem
import ProcModel
import Testing

/// Real programs, advanced as by the loop: when their descriptors are readable, and when time has passed.
@Suite struct HookRunTests {
  private let nothing: [UInt8] = []
  private static let minute = Nanoseconds.milliseconds(60_000)

  /// Begins a hook, and advances it until it has exited. Returns its end, and the output that was kept.
  private func run(
    _ hook: inout HookRun, _ helper: borrowing HelperThread, input: String = "", times: @Sendable () -> UInt64 = { 0 }
  ) throws -> (HookEnd, String) {
    let bytes = Array(input.utf8)
    try hook.begin(helper, input: bytes.span, now: .zero)
    let isBusy = hook.deadlineIsSet
    #expect(isBusy)
    while true {
      var requests = [helper.doneDescriptor, hook.exitDescriptor ?? -1, hook.outputDescriptor ?? -1].map { descriptor in
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      }
      #expect(unsafe poll(&requests, 3, 20_000) >= 0)
      helper.acknowledge()
      if let end = hook.advance(Nanoseconds(times())) {
        let bytes = (0..<hook.outputBytes.count).map { hook.outputBytes[$0] }
        return (end, String(decoding: bytes, as: UTF8.self))
      }
    }
  }

  private func shell(_ script: String, limit: Nanoseconds = minute, inputCapacity: Int = 4096) throws(Errno) -> HookRun
  {
    try HookRun(
      [CPath("/bin/sh"), CPath("-c"), CPath(script)], as: nil, limit: limit, inputCapacity: inputCapacity)
  }

  @Test func aHookIsGivenItsInputAndItsOutputIsKept() throws {
    let helper = try HelperThread()
    var hook = try shell("cat; echo \"$SPILLWAY_PID\" >&2; exit 3")
    for round in 1...3 {
      hook.clearVariables()
      let variable = Array("SPILLWAY_PID=\(round)".utf8)
      let fits = hook.setVariable(variable.span)
      let (end, text) = try run(&hook, helper, input: "{\"round\": \(round)}\n")
      #expect(fits && end.outcome == .exited(3) && text == "{\"round\": \(round)}\n\(round)\n")
      #expect(end.written == text.utf8.count)
      let isIdle = !hook.deadlineIsSet && hook.exitDescriptor == nil && hook.outputDescriptor == nil
      #expect(isIdle)
    }
  }

  @Test func aHookMayReadItsInputAndNotChangeIt() throws {
    let helper = try HelperThread()
    var hook = try HookRun(
      [
        CPath("/bin/sh"), CPath("-c"),
        CPath("(echo x >&0) 2>/dev/null && echo wrote; (: >/proc/self/fd/0) 2>/dev/null && echo cut; cat"),
      ],
      as: geteuid() == 0 ? .nobody : nil, limit: Self.minute, inputCapacity: 100)
    let (_, text) = try run(&hook, helper, input: "whole")
    #expect(text == "whole")
  }

  @Test func inputAndOutputAreCutAtTheirCapacity() throws {
    let helper = try HelperThread()
    var hook = try shell("wc -c; head -c 300000 /dev/zero | tr '\\0' x", inputCapacity: 10)
    let (end, text) = try run(&hook, helper, input: String(repeating: "a", count: 50))
    #expect(text.hasPrefix("10\n") && text.utf8.count == HookRun.outputCapacity)
    #expect(end.outcome == .exited(0) && end.written == 300_003)
  }

  @Test func afterItsLimitTheWholeProcessGroupIsKilled() throws {
    let helper = try HelperThread()
    var hook = try shell("trap '' TERM; echo begun; sleep 60 & sleep 60", limit: .milliseconds(500))
    var now: UInt64 = 0
    try hook.begin(helper, input: nothing.span, now: .zero)
    var end: HookEnd?
    var hasBegun = false
    while end == nil {
      var requests = [helper.doneDescriptor, hook.exitDescriptor ?? -1, hasBegun ? -1 : hook.outputDescriptor ?? -1].map
      {
        descriptor in pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      }
      #expect(unsafe poll(&requests, 3, hasBegun && now == 0 ? 0 : 20_000) >= 0)
      helper.acknowledge()
      if hasBegun { now = 500_000_000 }
      end = hook.advance(Nanoseconds(now))
      if hook.text == "begun\n" { hasBegun = true }
    }
    #expect(end?.outcome == .timedOut && end?.took == .milliseconds(500))
  }

  @Test func theProcessesThatAHookLeavesBehindAreKilled() throws {
    let helper = try HelperThread()
    var hook = try shell("sleep 60 >/dev/null 2>&1 & echo $!")
    let (end, text) = try run(&hook, helper)
    #expect(end.outcome == .exited(0))
    let orphan = try #require(Int32(text.trimmingCharacters(in: .newlines)))
    // It is collected by init, or stays a zombie where no init collects. It does not run in either case.
    while let status = try? String(contentsOfFile: "/proc/\(orphan)/status", encoding: .utf8),
      !status.contains("State:\tZ")
    { usleep(1000) }
  }

  @Test func aHookThatCannotBeStartedTellsWhy() throws {
    let helper = try HelperThread()
    var hook = try HookRun([CPath("/nonexistent/hook")], as: nil, limit: Self.minute, inputCapacity: 1)
    for _ in 0..<2 {
      let (end, _) = try run(&hook, helper)
      #expect(end.outcome == .notStarted(.execute, .noSuchFile))
    }
  }

  @Test func aHookIsNotBegunAgainWhileItRuns() throws {
    let helper = try HelperThread()
    var hook = try shell("read line; echo \"$line\"")
    try hook.begin(helper, input: nothing.span, now: .zero)
    var refusal: Errno?
    do throws(Errno) {
      try hook.begin(helper, input: nothing.span, now: .zero)
    } catch {
      refusal = error
    }
    #expect(refusal == .busy)
    while hook.advance(.zero) == nil { usleep(1000) }
  }

  @Test func aHundredRunsLeaveNoDescriptorBehind() throws {
    let helper = try HelperThread()
    var hook = try HookRun([CPath("/bin/true")], as: nil, limit: Self.minute, inputCapacity: 1)
    var seen: Set<Int32> = []
    for _ in 0..<100 {
      try hook.begin(helper, input: nothing.span, now: .zero)
      while hook.advance(.zero) == nil {
        if let descriptor = hook.exitDescriptor { seen.insert(descriptor) }
        usleep(200)
      }
    }
    // Descriptors' numbers are used again. Other tests of this process take some meanwhile.
    #expect(seen.count < 60, "\(seen)")
  }
}

extension HookRun {
  fileprivate var deadlineIsSet: Bool { deadline != nil }

  fileprivate var text: String {
    var bytes: [UInt8] = []
    for index in 0..<outputBytes.count { bytes.append(outputBytes[index]) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
