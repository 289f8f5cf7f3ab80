import Fixtures
import Foundation
import LinuxSystem
import ProcModel
import ProcReader
import Testing

@Suite struct PanicSettingsTests {
  private static func read(below path: String) throws -> PanicSettings {
    try PanicSettings(readingBelow: try OwnedDescriptor.open(CPath(path), .read, .directory))
  }

  @Test func theLiveKernelsSettingsAreRead() throws {
    let settings = try Self.read(below: "/proc")
    let text = try String(contentsOfFile: "/proc/sys/vm/panic_on_oom", encoding: .utf8)
    #expect(Int32(text.trimmingCharacters(in: .newlines)) == settings.panicOnOom)
    #expect(throws: Errno.noSuchFile) { _ = try Self.read(below: "/usr") }
  }

  @Test(
    arguments: [
      ("2\n", "-1\n", PanicSettings(panicOnOom: 2, panicTimeout: -1)),
      ("0", "30", PanicSettings(panicOnOom: 0, panicTimeout: 30)),
      ("", "0\n", nil), ("1\n", "ten\n", nil), ("1 0\n", "0\n", nil), ("4294967296\n", "0\n", nil),
    ] as [(String, String, PanicSettings?)])
  func aSettingThatIsNoNumberIsRefused(panicOnOom: String, panic: String, settings: PanicSettings?) throws {
    let tree = try TemporaryFolder()
    try tree.write("sys/vm/panic_on_oom", panicOnOom)
    try tree.write("sys/kernel/panic", panic)
    guard let settings else {
      #expect(throws: Errno.invalidArgument) { _ = try Self.read(below: tree.path) }
      return
    }
    #expect(try Self.read(below: tree.path) == settings)
  }
}
