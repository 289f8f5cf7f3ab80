import Foundation
import Policy
import PolicyFile
import Testing

/// The compiler, docs/policy.md, spillway.toml(5) and the JSON Schema have the same keys. A new key is added to all.
@Suite struct ReferenceTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  // MARK: The compiler's

  /// All paths that the compiler knows. They are found by asking it: a diagnostic of an unknown key lists the known
  /// ones.
  private static let known: Set<String> = {
    var paths: Set<String> = []
    func explore(_ path: [String]) {
      for key in keys(in: path) {
        paths.insert((path + [key]).joined(separator: "."))
        explore(path + [key])
      }
    }
    explore([])
    return paths
  }()

  /// The keys of a table; none where there can be no table.
  private static func keys(in path: [String]) -> [String] {
    let probe = "x0123456789"
    // `domain` and `rule` are lists of tables, for which dotted keys can be written within a list's braces.
    var value = "\(probe) = 1"
    if let first = path.first {
      let inner = path.dropFirst().isEmpty ? value : path.dropFirst().joined(separator: ".") + ".\(value)"
      value = ["domain", "rule"].contains(first) ? "\(first) = [{ \(inner) }]" : "\(first) = { \(inner) }"
    }
    let compilation = PolicyCompiler.compile(
      "version = 1\n\(value)\n", file: "p.toml", accounts: PolicyCompilerTests.accounts)
    let answer = compilation.diagnostics.first { $0.what.hasPrefix("unknown key \"\(probe)\"") }
    guard let meant = answer?.meant, let range = meant.range(of: "known here are ") else { return [] }
    return meant[range.upperBound...].split(separator: ", ").map(String.init)
  }

  /// The keys that have a value: `trigger.floor.available`, not `trigger.floor`. A domain's settings are the file's, a
  /// hook's keys are documented with `before`, which has them all, and the fields of `not` are those of `match`.
  private static var leaves: Set<String> {
    let own = known.filter { !isToldElsewhere($0) }
    return own.filter { path in !own.contains { $0.hasPrefix(path + ".") } }
  }

  private static func isToldElsewhere(_ path: String) -> Bool {
    [
      "domain.trigger.", "domain.badness.", "domain.action.", "hooks.warn.", "hooks.after.", "hooks.no_candidate.",
      "rule.hook.", "rule.match.not.",
    ].contains { path.hasPrefix($0) }
  }

  /// All keys below a table, as they are written in it.
  private static func keys(below table: String) -> Set<String> {
    Set(known.filter { $0.hasPrefix(table + ".") }.map { String($0.dropFirst(table.count + 1)) })
  }

  @Test func theCompilerNamesItsKeys() {
    #expect(
      Self.known.isSuperset(of: ["version", "trigger.floor.available", "rule.match.exe", "hooks.before.takes_over"]))
    #expect(Self.known.count > 80)
    for table in ["trigger", "badness", "action"] {
      #expect(Self.keys(below: table) == Self.keys(below: "domain.\(table)"))
    }
    for place in ["hooks.warn", "hooks.after", "hooks.no_candidate", "rule.hook"] {
      #expect(Self.keys(below: place) == ["command", "user", "limit"])
    }
    let fields = Self.keys(below: "rule.match.not")
    #expect(Self.keys(below: "rule.match") == fields.union(["not"]).union(fields.map { "not.\($0)" }))
  }

  // MARK: The documents'

  /// Checks that a document's keys are the compiler's: all that have a value, and none that it does not know.
  private static func expectSame(_ told: Set<String>, _ document: String) {
    #expect(leaves.subtracting(told).sorted() == [], "not in \(document)")
    #expect(told.subtracting(known).sorted() == [], "only in \(document)")
  }

  @Test func theManualPageHasEveryKey() throws {
    let told = try Self.text("packaging/man/spillway.toml.5").split(separator: "\n")
      .filter { $0.hasPrefix(".It Sy ") }.map { String($0.dropFirst(7)) }
    #expect(Set(told).count == told.count)
    Self.expectSame(Set(told), "spillway.toml.5")
  }

  @Test func theDocumentHasEveryKey() throws {
    Self.expectSame(try Self.documentedKeys(), "docs/policy.md")
  }

  /// The first column of each table that is about keys, by the section it stands in.
  private static func documentedKeys() throws -> Set<String> {
    let prefixes = [
      "Settings": "", "Triggers": "trigger.", "Memory domains": "domain.", "Confirmation": "trigger.confirm.",
      "Rules": "rule.", "Swarms": "action.", "Hooks": "", "Relief": "relief.", "Last resort": "last_resort.",
    ]
    var told: Set<String> = []
    var prefix: String?
    for line in try text("docs/policy.md").split(separator: "\n") {
      if line.hasPrefix("## ") { prefix = prefixes[String(line.dropFirst(3))] }
      guard var place = prefix, line.hasPrefix("|") else { continue }
      let cell = line.dropFirst().prefix { $0 != "|" }
      if cell.hasPrefix(" field of ") { prefix = "rule.match." }
      // The keys of a hook's table are documented after the places where hooks are.
      if cell.hasPrefix(" `command`") { prefix = "hooks.before." }
      place = prefix ?? place
      if cell.hasPrefix(" variable ") { prefix = nil }
      var last = ""
      for name in cell.split(separator: "`").enumerated().filter({ $0.offset % 2 == 1 }).map(\.element) {
        // Of "`hooks.warn`, `.before`" the second is short for `hooks.before`.
        let full =
          name.hasPrefix(".") ? last.split(separator: ".").dropLast().joined(separator: ".") + name : place + name
        if cell.hasPrefix(" `") { told.insert(full) }
        last = full
      }
    }
    return told
  }

  // MARK: The schema's

  private static let schemaPath = "packaging/schema/spillway.schema.json"

  private static func schema() throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text(schemaPath).utf8)) as? [String: Any])
  }

  /// The paths of all properties below a part of a schema, and whether each is described.
  private static func properties(
    _ part: [String: Any], _ place: String, _ definitions: [String: Any], into told: inout [String: Bool]
  ) {
    var parts = [part]
    if let name = (part["$ref"] as? String)?.split(separator: "/").last {
      parts.append(definitions[String(name)] as? [String: Any] ?? [:])
    }
    for part in parts {
      for key in ["allOf", "anyOf", "oneOf"] {
        for choice in part[key] as? [[String: Any]] ?? [] where choice["required"] == nil || choice["type"] != nil {
          properties(choice, place, definitions, into: &told)
        }
      }
      if let items = part["items"] as? [String: Any] { properties(items, place, definitions, into: &told) }
      for (key, value) in part["properties"] as? [String: [String: Any]] ?? [:] {
        let path = place.isEmpty ? key : "\(place).\(key)"
        let target = (value["$ref"] as? String)?.split(separator: "/").last.map(String.init)
        let referred = target.flatMap { definitions[$0] as? [String: Any] }
        // `not` is a `match`, in which the schema refuses another.
        if path == "rule.match.not.not" { continue }
        told[path] = value["description"] != nil || referred?["description"] != nil
        properties(value, path, definitions, into: &told)
      }
    }
  }

  @Test func theSchemaHasEveryKeyAndDescribesIt() throws {
    let schema = try Self.schema()
    var told: [String: Bool] = [:]
    Self.properties(schema, "", try #require(schema["definitions"] as? [String: Any]), into: &told)
    #expect(Set(told.keys).symmetricDifference(Self.known).sorted() == [])
    #expect(told.filter { !$0.value }.keys.sorted() == [])
  }

  @Test func theSchemaKnowsThePresets() throws {
    let properties = try #require(try Self.schema()["properties"] as? [String: [String: Any]])
    #expect(properties["extends"]?["enum"] as? [String] == Preset.allCases.map(\.rawValue))
  }

  /// Whether python3's jsonschema takes each file that can be read as TOML.
  private static func verdicts(on folder: String) throws -> [String: Bool] {
    let script = """
      import json, pathlib, sys, tomllib, jsonschema
      schema = json.loads(pathlib.Path(sys.argv[1]).read_bytes())
      jsonschema.Draft7Validator.check_schema(schema)
      validator = jsonschema.Draft7Validator(schema)
      for path in sorted(pathlib.Path(sys.argv[2]).glob("*.toml")):
          try:
              policy = tomllib.loads(path.read_bytes().decode())
          except ValueError:
              continue
          print(path.name, "ok" if validator.is_valid(policy) else "no")
      """
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "python3", "-c", script, root.appending(path: schemaPath).path(), root.appending(path: folder).path(),
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "python3-jsonschema is missing: run scripts/setup.sh test")
    var verdicts: [String: Bool] = [:]
    for line in String(decoding: output, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      verdicts[String(words[0])] = words[1] == "ok"
    }
    return verdicts
  }

  @Test(arguments: ["Tests/PolicyFileTests/valid", "Tests/PolicyFileTests/imported", "policies"])
  func theSchemaTakesWhatTheCompilerTakes(folder: String) throws {
    let verdicts = try Self.verdicts(on: folder)
    #expect(verdicts.count >= 9)
    #expect(verdicts.filter { !$0.value }.keys.sorted() == [])
  }

  /// The schema cannot express the rest: patterns, ranges of times, and keys that must not come twice.
  @Test func theSchemaRefusesMostOfWhatTheCompilerRefuses() throws {
    let verdicts = try Self.verdicts(on: "Tests/PolicyFileTests/invalid")
    let taken = verdicts.filter(\.value).keys
    #expect(
      taken.sorted() == [
        "comm-too-long.toml", "durations-fine.toml", "durations-long.toml", "flight-folder.toml", "nul-escape.toml",
        "paths.toml",
        "release-below-floor.toml", "release-below-preset.toml", "rule-names.toml",
        // A drop-in has the same schema, and needs no version.
        "version-missing.toml",
      ])
  }

  // MARK: Examples

  /// Each example of the manual page, in a policy with nothing but what it needs.
  @Test func theExamplesOfTheManualPageCompile() throws {
    var path = ""
    var examples = 0
    for line in try Self.text("packaging/man/spillway.toml.5").split(separator: "\n") {
      if line.hasPrefix(".It Sy ") { path = String(line.dropFirst(7)) }
      guard line.hasPrefix(".Dl "), !path.isEmpty else { continue }
      let example = line.dropFirst(4).replacingOccurrences(of: "\\(dq", with: "\"")
        .replacingOccurrences(of: "\\-", with: "-").replacingOccurrences(of: "\\(aq", with: "'")
      let compilation = PolicyCompiler.compile(
        Self.policy(with: example, at: path), file: "p.toml", accounts: PolicyCompilerTests.accounts,
        programs: ProgramLookup { _ in .ready })
      #expect(compilation.diagnostics == [], "\(path): \(example)")
      examples += 1
    }
    #expect(examples == Set(try Self.documentedInManual()).count)
  }

  /// Each block of TOML in a document. A fragment stands in a policy as the text around it says.
  @Test(arguments: [("README.md", 2), ("docs/policy.md", 9)])
  func theExamplesOfTheDocumentsCompile(document: String, count: Int) throws {
    let blocks = try Self.text(document).components(separatedBy: "```toml\n").dropFirst()
    #expect(blocks.count == count)
    for block in blocks {
      var policy = try #require(block.components(separatedBy: "```").first)
      if policy.hasPrefix("confirm") { policy = "[trigger]\n" + policy }
      if !policy.hasPrefix("version") { policy = "version = 1\nextends = \"server\"\n" + policy }
      let compilation = PolicyCompiler.compile(
        policy, file: document, accounts: PolicyCompilerTests.accounts, programs: ProgramLookup { _ in .ready })
      // The documents name accounts that these tests do not have.
      #expect(compilation.diagnostics.filter { !$0.what.contains(" here is called ") } == [], "\(policy)")
    }
  }

  private static func documentedInManual() throws -> [Substring] {
    try text("packaging/man/spillway.toml.5").split(separator: "\n").filter { $0.hasPrefix(".It Sy ") }
  }

  private static func policy(with example: String, at path: String) -> String {
    let table = path.split(separator: ".")[0]
    let beside: [Substring: [String]] = [
      "domain": ["name = \"other\"", "cgroup = \"/other\""],
      "rule": ["name = \"other\"", "match = { uid = 1 }", "weight = 2"],
      "last_resort": ["action = \"panic\"", "after_victims = 1"],
    ]
    let key = example.prefix { $0 != " " }
    let lines =
      beside[table, default: []].filter { !$0.hasPrefix(key + " ") && !(key == "protect" && $0.hasPrefix("weight")) }
      + [example]
    switch table {
    case "version": return example
    case "extends": return "version = 1\n\(example)\n"
    case "domain", "rule": return "version = 1\n[[\(table)]]\n\(lines.joined(separator: "\n"))\n"
    default: return "version = 1\n[\(table)]\n\(lines.joined(separator: "\n"))\n"
    }
  }
}
