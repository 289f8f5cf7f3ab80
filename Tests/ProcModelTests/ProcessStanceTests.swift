import Fixtures
import ProcModel
import Testing

@Suite struct ProcessStanceTests {
  private static func parse(_ text: String) throws -> ProcessStance {
    try ProcessStance(parsing: Array(text.utf8).span)
  }

  @Test func everyLineIsRead() throws {
    // The kernel prints a newline within a name as `\n`, so that a name cannot pass for a line.
    let stance = try Self.parse(
      "Name:\tState: Z\nState:\tt (tracing stop)\nTgid:\t7\nTracerPid:\t31\nThreads:\t12\nCoreDumping:\t1\n")
    #expect(stance.state == UInt8(ascii: "t"))
    #expect(stance.tracer == 31 && stance.threads == 12 && stance.dumpsCore)
    #expect(!stance.isAsleep)
  }

  @Test func aZombieHasNoLineAboutACoreDump() throws {
    let stance = try Self.parse("Name:\tx\nState:\tZ (zombie)\nTracerPid:\t0\nThreads:\t3\n")
    #expect(stance.state == UInt8(ascii: "Z") && stance.threads == 3 && !stance.dumpsCore)
  }

  @Test(arguments: [("S (sleeping)", true), ("D (disk sleep)", true), ("R (running)", false), ("T (stopped)", false)])
  func onlyTwoStatesAreSleep(state: String, isAsleep: Bool) throws {
    #expect(try Self.parse("State:\t\(state)\n").isAsleep == isAsleep)
  }

  @Test func aLiveCaptureIsRead() throws {
    let stance = try ProcessStance(parsing: Fixture.bytes("6.18/3/status").span)
    #expect(stance.state == UInt8(ascii: "S") && stance.threads == 1 && stance.tracer == 0 && !stance.dumpsCore)
  }

  @Test(arguments: ["", "Name:\tx\n", "State:", "State:\t"])
  func withoutAStateTheFileIsRefused(text: String) {
    #expect(throws: ProcParseError.truncated(offset: text.utf8.count)) { _ = try Self.parse(text) }
  }

  @Test(
    arguments: [
      ("State:\tS\nTracerPid:\tx\n", .malformed(offset: 20)), ("State:\tS\nThreads:\t", .truncated(offset: 18)),
      ("State:\tS\nThreads:\t4294967296\n", .overflow(offset: 18)),
    ] as [(String, ProcParseError)])
  func aLineThatMakesNoSenseIsRefused(text: String, error: ProcParseError) {
    #expect(throws: error) { _ = try Self.parse(text) }
  }
}

@Suite struct FreezerPathTests {
  @Test(
    arguments: [
      ("5:freezer:/jobs/one\n0::/\n", "/jobs/one", nil), ("5:freezer:/\n0::/jobs\n", nil, "/jobs"),
      ("0::/jobs", nil, "/jobs"), ("5:freezer:/a b:c\n0::/d\n", "/a b:c", "/d"), ("", nil, nil),
      // The hierarchy has another controller too, so it is not that of the freezer alone.
      ("4:cpu,freezer:/x\n", nil, nil),
      // A path outside of the reader's cgroup namespace names another cgroup below /sys/fs/cgroup.
      ("5:freezer:/../x\n0::/../../y\n", nil, nil), ("5:freezer:/..x\n0::/..y\n", "/..x", "/..y"),
      ("no colon\n0:/\n::\n0::", nil, nil),
    ] as [(String, String?, String?)])
  func eachHierarchysPathIsFound(text: String, first: String?, second: String?) {
    let bytes = Array(text.utf8)
    let path = FreezerPath(parsing: bytes.span)
    #expect(path.first.map { String(decoding: bytes[$0], as: UTF8.self) } == first)
    #expect(path.second.map { String(decoding: bytes[$0], as: UTF8.self) } == second)
  }
}
