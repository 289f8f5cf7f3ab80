import Foundation
import LinuxSystem
import Testing

/// Real programs, which inherit nothing.
@Suite struct ProgramStartTests {
  private struct End {
    var status: Int32
    var output: String
  }

  private func start(_ program: inout ProgramStart, to output: borrowing PipeEnds, input text: String = "") throws
    -> StartedProgram
  {
    let input = try MemoryFile.create(CPath("input"))
    try input.write(Array(text.utf8).span)
    try input.rewind()
    program.setDescriptors(input: input, output: output.writing)
    switch program.start() {
    case .started(let started): return started
    case .failed(let stage, let errno): throw Failure(stage: stage, errno: errno)
    }
  }

  private struct Failure: Error, Equatable {
    var stage: StartStage
    var errno: Errno
  }

  private static func status(_ reaped: consuming Reaped) -> Int32? {
    switch reaped {
    case .exited(let status): status
    case .running: nil
    }
  }

  /// Waits for its exit. Its output fits the pipe.
  private func run(_ program: inout ProgramStart, input: String = "") throws -> End {
    let output = try PipeEnds()
    let started = try start(&program, to: output, input: input)
    var request = pollfd(fd: started.handle.descriptor.raw, events: Int16(POLLIN), revents: 0)
    try #require(unsafe poll(&request, 1, 20_000) == 1)
    let collected = Self.status(started.reap())
    let status = try #require(collected)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var available: Int32 = 0
    _ = unsafe ioctl(output.reading.raw, UInt(FIONREAD), &available)
    let count = available > 0 ? try output.reading.readNext(into: &buffer) : 0
    return End(status: status, output: String(decoding: buffer[..<count], as: UTF8.self))
  }

  private func shell(_ script: String, as user: Credentials? = nil) throws(Errno) -> ProgramStart {
    try ProgramStart([CPath("/bin/sh"), CPath("-c"), CPath(script)], as: user)
  }

  @Test func aProgramGetsItsWordsAsWrittenItsInputAndItsVariables() throws {
    var program = try ProgramStart(
      [
        CPath("/usr/bin/env"), CPath("sh"), CPath("-c"),
        CPath(#"printf '%s|' "$@"; cat; env | grep -v -e ^PWD -e ^SHLVL -e ^_= -e ^OLDPWD | sort"#),
        CPath("zero"), CPath("a b"), CPath("$HOME"), CPath(""), CPath("*"),
      ],
      as: nil)
    let fits = program.setVariable(Array("SPILLWAY_PID=7".utf8).span)
    #expect(fits)
    let end = try run(&program, input: "{}\n")
    #expect(end.status == 0)
    #expect(end.output == "a b|$HOME||*|{}\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nSPILLWAY_PID=7\n")
    // The next run has other variables, and none of these.
    program.clearVariables()
    _ = program.setVariable(Array("SPILLWAY_UID=0".utf8).span)
    let second = try run(&program)
    #expect(second.output.hasSuffix("bin\nSPILLWAY_UID=0\n"))
  }

  @Test(.enabled(if: geteuid() == 0, "needs root"))
  func aProgramInheritsNothing() throws {
    var program = try shell(
      """
      id -u; id -g; id -G; pwd; cat /proc/self/oom_score_adj; nice
      [ "$(ps -o pgid= -p $$ | tr -d ' ')" = $$ ] && echo own group
      grep -E '^(NoNewPrivs|CapEff|CapPrm|CapInh|CapAmb|SigBlk|SigIgn):' /proc/self/status
      ls /proc/self/fd | wc -l
      """, as: .nobody)
    let end = try run(&program)
    let lines = end.output.split(separator: "\n").map(String.init)
    // Three descriptors, and that of the directory that ls reads.
    #expect(
      lines == [
        "65534", "65534", "65534", "/", "0", "0", "own group", "SigBlk:\t0000000000000000",
        "SigIgn:\t0000000000000000", "CapInh:\t0000000000000000", "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "4",
      ], "\(end.output)")
  }

  /// With the agent's own user, root, it has no capability.
  @Test(.enabled(if: geteuid() == 0, "needs root"))
  func aProgramAsRootHasNoCapabilities() throws {
    var program = try shell("id -u; grep CapEff /proc/self/status; chown nobody /proc/self/comm 2>&1 || echo refused")
    let end = try run(&program)
    #expect(
      end.output.hasPrefix("0\nCapEff:\t0000000000000000\n") && end.output.hasSuffix("refused\n"), "\(end.output)")
  }

  @Test func aProgramThatCannotBeStartedTellsWhy() throws {
    let file = try MemoryFile.create(CPath("no program"))
    func outcome(_ program: consuming ProgramStart) -> Failure? {
      program.setDescriptors(input: file, output: file)
      switch program.start() {
      case .started: return nil
      case .failed(let stage, let errno): return Failure(stage: stage, errno: errno)
      }
    }
    let missing = outcome(try ProgramStart([CPath("/nonexistent")], as: nil))
    #expect(missing == Failure(stage: .execute, errno: .noSuchFile))
    let forbidden = outcome(try ProgramStart([CPath("/etc/passwd")], as: nil))
    #expect(forbidden == Failure(stage: .execute, errno: .accessDenied))
    if geteuid() != 0 {
      let other = outcome(try ProgramStart([CPath("/bin/true")], as: .nobody))
      #expect(other == Failure(stage: .user, errno: .notPermitted))
    }
  }

  @Test func wordsThatDoNotFitAreRefusedAtOnce() throws {
    #expect(throws: Errno.invalidArgument) { _ = try ProgramStart([], as: nil) }
    #expect(throws: Errno.invalidArgument) { _ = try ProgramStart([CPath("true")], as: nil) }
    #expect(throws: Errno.tooLong) {
      _ = try ProgramStart([CPath("/bin/true"), CPath([UInt8](repeating: 65, count: 9000))], as: nil)
    }
    #expect(throws: Errno.tooLong) { _ = try ProgramStart([CPath](repeating: CPath("/bin/true"), count: 65), as: nil) }
    var program = try ProgramStart([CPath("/bin/true")], as: nil)
    var count = 0
    while count < 100, program.setVariable(Array("A\(count)=1".utf8).span) { count += 1 }
    // PATH is one of the 48 variables.
    #expect(count == 47)
  }

  @Test func theWholeProcessGroupIsKilled() throws {
    var program = try shell("sleep 60 & sleep 60 & echo $!; wait")
    let output = try PipeEnds()
    let started = try start(&program, to: output)
    var request = pollfd(fd: output.reading.raw, events: Int16(POLLIN), revents: 0)
    try #require(unsafe poll(&request, 1, 20_000) == 1)
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = try output.reading.readNext(into: &buffer)
    let line = String(decoding: buffer[..<count], as: UTF8.self).trimmingCharacters(in: .newlines)
    let grandchild = try ProcessHandle(pid: try #require(Int32(line)))
    switch started.reap() {
    case .exited(let status): Issue.record("it exited with \(status)")
    case .running(let running):
      running.killGroup()
      for descriptor in [running.handle.descriptor.raw, grandchild.descriptor.raw] {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        #expect(unsafe poll(&request, 1, 20_000) == 1)
      }
      let status = Self.status(running.reap())
      #expect(status == 137)
    }
  }

  @Test func aHelperStartsTheProgramWhileTheCallerGoesOn() throws {
    let helper = try HelperThread()
    var program = try shell("exit 5")
    let file = try MemoryFile.create(CPath("both"))
    program.setDescriptors(input: file, output: file)
    try helper.start(&program)
    var request = pollfd(fd: helper.doneDescriptor, events: Int16(POLLIN), revents: 0)
    try #require(unsafe poll(&request, 1, 20_000) == 1)
    switch program.takeOutcome() {
    case .started(let started):
      var request = pollfd(fd: started.handle.descriptor.raw, events: Int16(POLLIN), revents: 0)
      try #require(unsafe poll(&request, 1, 20_000) == 1)
      let status = Self.status(started.reap())
      #expect(status == 5)
    case .failed(let stage, _): Issue.record("\(stage.text)")
    case nil: Issue.record("not started")
    }
    let isTaken = program.takeOutcome() == nil
    #expect(isTaken)
  }
}
