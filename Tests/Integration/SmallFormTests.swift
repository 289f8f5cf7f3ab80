import Foundation
import Testing

/// The small form of `spillwayd`, which `make build` makes, stays small and needs no other file.
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

  @Test func theSmallFormNeedsNoSharedLibraryAndNoLoader() throws {
    let types = try programHeaderTypes(try Data(contentsOf: Self.agent))
    #expect(types.contains(1), "PT_LOAD: the parser reads headers at all")
    #expect(!types.contains(2), "PT_DYNAMIC")
    #expect(!types.contains(3), "PT_INTERP")
  }

  @Test(arguments: ["Foundation", "libswiftCore", "swift_getTypeByMangledName", "_swift_runtime", "icudt"])
  func theSmallFormLinksNeitherFoundationNorTheSwiftRuntime(trace: String) throws {
    let image = try Data(contentsOf: Self.agent)
    #expect(image.range(of: Data(trace.utf8)) == nil)
    // The same search finds a text that is there.
    #expect(image.range(of: Data("spillwayd: ".utf8)) != nil)
  }

  /// After the start the code in use is resident and hardly any other, however the file lies in the page cache: 792 to
  /// 856 KiB were measured, and 976 to 1036 with a flight, also while other tests ran. Before, it was 1016 to 1432 KiB.
  ///
  /// It runs beside a hundred processes, as on a small server: the roster takes some 300 bytes for each, and a machine
  /// that runs tests may have thousands.
  @Test(.enabled(if: Namespace.isPossible, "pid namespaces need root"), arguments: [("", 1024), (" --flights ", 1228)])
  func theResidentMemoryStaysSmallAfterAMinute(option: String, limit: Int) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flights-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let words = option.isEmpty ? "" : "\(option)'\(folder.path())'"
    let namespace = Process()
    namespace.executableURL = URL(filePath: "/usr/bin/unshare")
    namespace.arguments = [
      "--fork", "--pid", "--mount-proc", "--kill-child", "sh", "-c",
      "i=0; while [ $i -lt 100 ]; do sleep 90 & i=$((i + 1)); done; exec '\(Self.agent.path())' --dry-run\(words)",
    ]
    namespace.standardError = FileHandle.nullDevice
    namespace.standardInput = FileHandle.nullDevice
    try namespace.run()
    defer { kill(namespace.processIdentifier, SIGKILL) }
    try await Task.sleep(for: .seconds(60))
    let agent = try #require(child(of: namespace.processIdentifier))
    #expect(try String(contentsOfFile: "/proc/\(agent)/comm", encoding: .utf8) == "spillwayd\n")
    let rollup = try String(contentsOfFile: "/proc/\(agent)/smaps_rollup", encoding: .utf8)
    let line = try #require(rollup.split(separator: "\n").first { $0.hasPrefix("Rss:") })
    let kib = try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    print("resident after a minute\(option): \(kib) KiB")
    #expect(kib < limit)
    #expect(FileManager.default.fileExists(atPath: folder.path()) == !option.isEmpty)
  }

  /// The child of a process, by field 4 of `/proc/PID/stat`.
  private func child(of parent: Int32) -> Int32? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { Int32($0) }.first { pid in
      let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
      let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
      return fields.count > 1 && Int32(fields[1]) == parent
    }
  }
}
