import Foundation
import Testing

/// docs/architecture.md names what is there.
@Suite struct ArchitectureTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func sources() throws -> String {
    let folder = root.appending(path: "Sources")
    let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    var text = ""
    for case let file as URL in files where ["swift", "h"].contains(file.pathExtension) {
      text += try String(contentsOf: file, encoding: .utf8) + "\n"
    }
    return text
  }

  /// The names of types that are declared in the sources.
  private static func types() throws -> Set<String> {
    let declaration = try Regex(
      #"\b(?:struct|class|enum|protocol|typealias) ([A-Z]\w*)"#, as: (Substring, Substring).self)
    return Set(try sources().matches(of: declaration).map { String($0.output.1) })
  }

  /// Each line with its number.
  private static func lines() throws -> [(number: Int, text: Substring)] {
    let text = try String(contentsOf: root.appending(path: "docs/architecture.md"), encoding: .utf8)
    return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map {
      ($0.offset + 1, $0.element)
    }
  }

  @Test func theNounsOfThePathAreTypes() throws {
    let types = try Self.types()
    let path = try #require(try Self.lines().first { $0.text.contains("─►") })
    let nouns = path.text.components(separatedBy: "─►").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(nouns.count == 8)
    for noun in nouns { #expect(types.contains(noun), "docs/architecture.md:\(path.number): \(noun)") }
  }

  /// What stands in backticks and begins as the name of a type does.
  @Test func whatIsNamedAsATypeIsOne() throws {
    let types = try Self.types()
    let sources = try Self.sources()
    let rooms = Set(try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: "Sources").path()))
    let code = try Regex(#"`([A-Z][a-z]\w+)(?:\.(\w+))?(?:\([^`]*\))?`"#, as: (Substring, Substring, Substring?).self)
    // The kernel's and the service manager's words, and Swift's own types.
    let others: Set<String> = [
      "MemoryAccounting", "MemTotal", "RssShmem", "RssAnon", "String", "StateDirectory", "CommandLine",
      "FoundationEssentials",
    ]
    var found = 0
    for line in try Self.lines() {
      for match in line.text.matches(of: code) {
        let (name, member) = (String(match.output.1), match.output.2.map(String.init))
        if rooms.contains(name) || others.contains(name) || member == "swift" { continue }
        found += 1
        let place = "docs/architecture.md:\(line.number): \(name)"
        let isType = types.contains(name)
        #expect(isType, "\(place)")
        guard let member else { continue }
        let declaration = try Regex("\\b(?:func|var|let|case|struct|enum) (?:\\w+, )*\(member)\\b")
        let isMember = sources.contains(declaration)
        #expect(isMember, "\(place).\(member)")
      }
    }
    #expect(found > 20)
  }
}
