import Foundation
import Testing

/// docs/architecture.md names types, files and constants that exist, and figures that the sources have.
@Suite struct ArchitectureTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The text of each source, with its path from the root. Generated folders are left out.
  private static let sources: [String: String] = {
    var sources: [String: String] = [:]
    for folder in ["Sources", "Tests"] {
      let files = FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil)
      for case let file as URL in files ?? FileManager.DirectoryEnumerator()
      where ["swift", "h", "c"].contains(file.pathExtension) {
        sources[String(file.path().dropFirst(root.path().count))] = try? String(contentsOf: file, encoding: .utf8)
      }
    }
    return sources
  }()

  /// The names of all files below the folders that the document names.
  private static let files: Set<String> = {
    var names: Set<String> = []
    for folder in ["Sources", "Tests", "docs", "packaging", "policies", "scripts"] {
      let all = FileManager.default.enumerator(atPath: root.appending(path: folder).path())
      while let name = all?.nextObject() as? String { names.insert(URL(filePath: name).lastPathComponent) }
    }
    return names
  }()

  /// The sources that declare or extend each type.
  private static let types: [Substring: [String]] = {
    var types: [Substring: [String]] = [:]
    for text in sources.values {
      let names = text.matches(
        of: /\b(?:struct|class|enum|protocol|typealias|extension) (?:[A-Z]\w*\.)*([A-Z]\w*)/)
      for name in Set(names.map(\.output.1)) { types[name, default: []].append(text) }
    }
    return types
  }()

  /// Each line with its number.
  private static func lines() throws -> [(number: Int, text: Substring)] {
    let text = try String(contentsOf: root.appending(path: "docs/architecture.md"), encoding: .utf8)
    return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map {
      ($0.offset + 1, $0.element)
    }
  }

  @Test func theNounsOfThePathAreTypes() throws {
    let path = try #require(try Self.lines().first { $0.text.contains("─►") })
    let nouns = path.text.components(separatedBy: "─►").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(nouns.count == 8)
    for noun in nouns { #expect(Self.types[noun[...]] != nil, "docs/architecture.md:\(path.number): \(noun)") }
  }

  /// Text in backticks that begins as the name of a type does: the type exists, and so does each member after a dot, in
  /// a source that declares or extends the type before it.
  @Test func everyTypeAndMemberThatIsNamedExists() throws {
    let rooms = Set(try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: "Sources").path()))
    // Words of the kernel and of the service manager, and Swift's own types.
    let others: Set<Substring> = [
      "MemoryAccounting", "MemTotal", "String", "StateDirectory", "CommandLine", "FoundationEssentials",
    ]
    var found = 0
    for line in try Self.lines() {
      for match in line.text.matches(of: /`([A-Z][a-z]\w+)((?:\.\w+)*)(?:\([^`]*\))?`/) {
        let members = match.output.2.split(separator: ".")
        if rooms.contains(String(match.output.1)) || others.contains(match.output.1) || members == ["swift"] {
          continue
        }
        found += 1
        var type = match.output.1
        let place = "docs/architecture.md:\(line.number): \(match.output.0)"
        #expect(Self.types[type] != nil, "\(place)")
        for member in members {
          #expect(!Self.declarations(of: member, in: type).isEmpty, "\(place)")
          type = member
        }
      }
    }
    #expect(found > 100)
  }

  /// A file that is named by its path is there, and one that is named alone is in one of the folders.
  @Test func everyFileThatIsNamedExists() throws {
    var found = 0
    for line in try Self.lines() {
      for match in line.text.matches(of: /`([\w.+-]+(?:\/[\w.+-]+)*(?:\.(?:swift|h|c|md|toml|json|sh|txt|[158])|\/))`/)
      {
        let path = String(match.output.1)
        found += 1
        let isThere =
          FileManager.default.fileExists(atPath: Self.root.appending(path: path).path()) || Self.files.contains(path)
        #expect(isThere, "docs/architecture.md:\(line.number): \(path)")
      }
      for match in line.text.matches(of: /\]\(([\w.\/-]+)\)/) {
        found += 1
        let path = Self.root.appending(path: "docs/\(match.output.1)").path()
        #expect(FileManager.default.fileExists(atPath: path), "docs/architecture.md:\(line.number): \(match.output.1)")
      }
    }
    #expect(found > 60)
  }

  /// The last column of a table row is a constant, and the one before it is its figure.
  @Test func everyLimitIsThatOfItsConstant() throws {
    var compared = 0
    for line in try Self.lines() {
      let cells = line.text.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 3, let figure = Self.figures(cells[1]) else { continue }
      let constants = cells[2].split(separator: "`").filter { !$0.hasPrefix(",") }
      #expect(constants.count == figure.count, "docs/architecture.md:\(line.number)")
      for (constant, value) in zip(constants, figure) {
        let names = constant.split(separator: ".")
        let texts =
          names.count == 1
          ? Self.assignments(of: names[0]) : Self.declarations(of: names.last ?? "", in: names[names.count - 2])
        let isRight = texts.contains { Self.numbers($0).contains(value) }
        #expect(isRight, "docs/architecture.md:\(line.number): \(constant) is not \(value)")
        compared += 1
      }
    }
    #expect(compared > 20)
  }

  /// The figures of a cell such as `60 s` or `512, 64`, in milliseconds, bytes or as they are; nil where it is text.
  private static func figures(_ cell: String) -> [Int]? {
    let units = ["": 1, "ms": 1, "s": 1000, "KiB": 1024]
    var figures: [Int] = []
    for part in cell.split(separator: ", ") {
      let words = part.split(separator: " ")
      guard let number = words.first.flatMap({ Int($0) }), words.count < 3,
        let unit = units[words.count == 2 ? String(words[1]) : ""]
      else { return nil }
      figures.append(number * unit)
    }
    return figures
  }

  /// The text from each declaration of a member on, for some lines, in the sources that declare or extend its type.
  private static func declarations(of member: Substring, in type: Substring) -> [String] {
    matches(
      "\\b(?:func|var|let|case|struct|class|enum|protocol) (?:\\w+, )*\(member)\\b", in: types[type] ?? [], lines: 8)
  }

  /// The text after `name =` in the headers.
  private static func assignments(of name: Substring) -> [String] {
    matches("\\b\(name)(?= =)", in: Array(sources.values), lines: 1)
  }

  private static func matches(_ pattern: String, in texts: [String], lines: Int) -> [String] {
    guard let pattern = try? Regex(pattern) else { return [] }
    return texts.flatMap { text in
      text.matches(of: pattern).map { match in
        text[match.range.upperBound...].split(separator: "\n", omittingEmptySubsequences: false).prefix(lines)
          .joined(separator: "\n")
      }
    }
  }

  /// The number that a declaration assigns or returns; of one whose value is a `switch`, each of its numbers.
  private static func numbers(_ text: String) -> Set<Int> {
    let start = text.firstIndex { $0 == "=" || $0 == "{" } ?? text.startIndex
    let line = text[start...].prefix { $0 != "\n" }
    let isOneLine = line.contains { $0.isNumber }
    var numbers: Set<Int> = []
    for match in (isOneLine ? line : text[start...]).matches(of: /\b(\d[\d_]*)(?: \* (\d[\d_]*))?/) {
      let first = Int(match.output.1.replacing("_", with: "")) ?? 0
      let second = match.output.2.flatMap { Int($0.replacing("_", with: "")) } ?? 1
      numbers.insert(first * second)
    }
    return numbers
  }
}
