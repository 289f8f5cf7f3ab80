import LinuxSystem
import Testing

@Suite struct PathTests {
  private static func text(_ path: CPath) -> String {
    String(decoding: path.bytes.indices.map { path.bytes[$0] }, as: UTF8.self)
  }

  @Test(arguments: [
    ("", ""), ("/proc", "/proc"), ("a b\n\u{1b}", "a b\n\u{1b}"), ("/etc/ünï", "/etc/ünï"),
    // A literal has no NUL. If it had one, it would be joined.
    ("cut\0off", "cutoff"), ("\0", ""),
  ])
  func aPathIsItsBytes(given: String, expected: String) {
    #expect(Self.text(CPath(given)) == expected)
  }

  @Test(
    arguments: [
      ([], ""), ([47, 97], "/a"), ([97, 0, 98], "a"), ([0], ""), ([97, 0], "a"),
    ] as [([UInt8], String)])
  func bytesAreCutAtTheFirstNUL(given: [UInt8], expected: String) {
    #expect(Self.text(CPath(given)) == expected)
  }

  @Test(arguments: [(0, "0"), (1, "1"), (9, "9"), (10, "10"), (4_194_304, "4194304"), (Int32.max, "2147483647")])
  func numbersAreWrittenInFull(number: Int32, digits: String) {
    #expect(Self.text(CPath(descriptor: number)) == "/proc/self/fd/" + digits)
    var path = CPath("something that was there before, and longer")
    path.set(pid: number, file: "oom_score_adj")
    #expect(Self.text(path) == digits + "/oom_score_adj")
    path.set(pid: number, thread: 7, file: "stat")
    #expect(Self.text(path) == digits + "/task/7/stat")
    path.set(pid: 1, file: "")
    #expect(Self.text(path) == "1/")
  }
}
