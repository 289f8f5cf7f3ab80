import Foundation
import Testing

/// What `make build` leaves as `spillwayd` must stay small and alone.
@Suite struct SmallFormTests {
  private static var agent: URL { Namespace.binaries.appending(path: "spillwayd") }

  /// Program headers of a 64-bit little-endian ELF file (elf(5)): their types.
  private func programHeaderTypes(_ image: Data) throws -> [UInt32] {
    try #require(image.prefix(6).elementsEqual([0x7f, 0x45, 0x4c, 0x46, 2, 1]), "not such a file")
    func number(at offset: Int, bytes: Int) -> Int {
      (0..<bytes).reduce(0) { $0 | Int(image[offset + $1]) << ($1 * 8) }
    }
    let table = number(at: 32, bytes: 8)
    let size = number(at: 54, bytes: 2)
    return (0..<number(at: 56, bytes: 2)).map { UInt32(number(at: table + $0 * size, bytes: 4)) }
  }

  @Test func itNeedsNoSharedLibraryAndNoLoader() throws {
    let types = try programHeaderTypes(try Data(contentsOf: Self.agent))
    #expect(types.contains(1), "PT_LOAD: the parser reads headers at all")
    #expect(!types.contains(2), "PT_DYNAMIC")
    #expect(!types.contains(3), "PT_INTERP")
  }

  @Test(arguments: ["Foundation", "libswiftCore", "swift_getTypeByMangledName", "_swift_runtime", "icudt"])
  func itLinksNeitherFoundationNorTheSwiftRuntime(trace: String) throws {
    let image = try Data(contentsOf: Self.agent)
    #expect(image.range(of: Data(trace.utf8)) == nil)
    // The same search finds what is there.
    #expect(image.range(of: Data("spillwayd: ".utf8)) != nil)
  }

  @Test func itIsResidentInLessThanOneMegabyteAfterAMinute() async throws {
    let agent = Process()
    agent.executableURL = Self.agent
    agent.arguments = ["--dry-run"]
    agent.standardError = FileHandle.nullDevice
    agent.standardInput = FileHandle.nullDevice
    try agent.run()
    defer { kill(agent.processIdentifier, SIGKILL) }
    try await Task.sleep(for: .seconds(60))
    try #require(agent.isRunning)
    let rollup = try String(contentsOfFile: "/proc/\(agent.processIdentifier)/smaps_rollup", encoding: .utf8)
    let line = try #require(rollup.split(separator: "\n").first { $0.hasPrefix("Rss:") })
    let kib = try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    print("resident after a minute: \(kib) KiB")
    #expect(kib < 1000)
  }
}
