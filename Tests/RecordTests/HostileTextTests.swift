import Fixtures
import Foundation
import Ladder
import LinuxSystem
import Policy
import ProcModel
import Record
import Testing

/// Text of processes in what the agent writes: a record's lines, messages, and lines of the kernel's log.
@Suite struct HostileTextTests {
  @Test(arguments: HostileText.all) func aNameIsHarmlessInEveryOutput(text: [UInt8]) throws {
    var scene = Scene(comm: text)
    scene.offerAll()
    var decision = scene.decision()
    var origin = ProcessOrigin()
    let path = Array("/system.slice/".utf8) + text
    origin.set(cgroup: path.span, isOfMachine: true)
    origin.set(executable: path.span)
    decision.origin = origin
    let outcome = scene.outcome(.exited, signal: .terminate)
    let file = try MemoryFile.create(CPath("record"))
    var recorder = Recorder(sink: try OwnedDescriptor.duplicate(file.raw), isDryRun: false)
    recorder.write(DecisionEvent(decision, .signalled))
    recorder.write(outcome)
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    let count = try file.readWhole(into: &buffer)
    let record = buffer[..<count]
    // Two lines, and no more.
    let isHarmless = HostileText.isHarmless(Array(record))
    #expect(isHarmless)
    #expect(try lines(record).count == 2)

    var said: [[UInt8]] = [[], [], [], []]
    said[0].append(decision, .signalled)
    said[1].append(kernelLineFor: scene.hog.process, incident: 1, of: recorder.run, origin)
    said[2].append(outcome)
    said[3].append(visible: text.span)
    for (index, line) in said.enumerated() {
      // The kernel's line brings its own newline.
      #expect(HostileText.isHarmless(index == 1 ? Array(line.dropLast()) : line, lines: false))
    }
  }
}
