import ArgumentParser
import LinuxSystem
import Policy
import PolicyFile
import ProcModel
import Record

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check policy files and print every mistake in them.",
    discussion: """
      Prints nothing and exits with 0 if no file has a mistake. Otherwise prints FILE:LINE:COLUMN: error: … with the \
      line below it, and exits with 78. A warning alone leaves the exit code at 0. The drop-ins in policy.d beside each \
      file are read with it.
      """)

  @Argument(help: ArgumentHelp("Policy files.", valueName: "file"))
  var files: [String]

  @Flag(help: "Also check each policy against the processes and the memory of this machine now.")
  var live = false

  @Flag(help: "Print the findings as JSON.")
  var json = false

  @Option(help: ArgumentHelp("With --live, read this directory in place of /proc.", valueName: "dir"))
  var procRoot = "/proc"

  @Option(help: ArgumentHelp("With --live, read the machine's cgroups here.", valueName: "dir"))
  var cgroupRoot: String?

  @Flag(name: .shortAndLong, help: "Print each compiled policy.")
  var verbose = false

  func validate() throws {
    if json, verbose { throw ValidationError("--json and --verbose both print: leave one of them out") }
  }

  func run() throws {
    try reportingFailures { () throws(Failure) in
      var findings: [Diagnostic] = []
      // Printed first, because a file that cannot be read stops the command.
      if let finding = Check.fallback {
        findings.append(finding)
        if !json { StandardError.write(finding.text) }
      }
      for file in files {
        let found = try look(at: file)
        findings += found
        if json { continue }
        for finding in found { StandardError.write(finding.text) }
      }
      if json { Output().write(Check.json(findings)) }
      if findings.contains(where: { $0.severity == .error }) { throw Failure(.configuration, "") }
    }
  }

  /// A warning if the running service uses another policy than the one it was told to use; nil otherwise.
  private static var fallback: Diagnostic? {
    let store = PolicyStore.ofService(nil) ?? PolicyStore(PolicyStore.systemDirectory, user: OwnProcess.effectiveUID)
    guard let note = (try? store.note()) ?? nil, note.isOfTheLiving else { return nil }
    return Diagnostic(
      severity: .warning, file: "\(store.directory)/\(PolicyStore.noteName)", line: 1, column: 1,
      what: "the running agent, \(note.agent.pid), is on \(visible(Array(note.sentence.utf8).span))",
      meant: "the agent reads the policy again when its files change, or on `systemctl reload spillway`")
  }

  /// The findings for one file. With `--json` a file that cannot be read is a finding too, and no failure.
  private func look(at file: String) throws(Failure) -> [Diagnostic] {
    do throws(Failure) {
      return try check(file)
    } catch {
      guard json, error.code == .configuration else { throw error }
      return [
        Diagnostic(
          severity: .error, file: file, line: 1, column: 1, what: "the file cannot be read",
          meant: "does it exist, and is it a regular file?"
        )
      ]
    }
  }

  private func check(_ file: String) throws(Failure) -> [Diagnostic] {
    let compilation = try LoadedPolicy.compile(path: file, inspectsAnyway: true)
    var findings = compilation.diagnostics
    guard let policy = compilation.policy else { return findings }
    do throws(ImageError) {
      try policy.validate()
    } catch {
      findings.append(
        Diagnostic(severity: .error, file: file, line: 1, column: 1, what: error.sentence, meant: ""))
      return findings
    }
    if live {
      let root = MachineRoot(proc: procRoot, cgroups: cgroupRoot)
      findings += try LiveCheck(compilation, policy, file: file, root: root).findings
    }
    if verbose { Output().write(describe(policy, patterns: compilation.patterns)) }
    return findings
  }

  /// The findings as the JSON object that docs/policy.md describes under "Diagnostics".
  static func json(_ findings: [Diagnostic]) -> String {
    var json = JSONWriter(capacity: 4096)
    json.beginObject()
    json.key("findings")
    json.beginArray()
    for finding in findings {
      json.beginObject()
      json.key("file")
      json.value(untrusted: Array(finding.file.utf8).span)
      json.key("line")
      json.value(UInt64(finding.line))
      json.key("column")
      json.value(UInt64(finding.column))
      json.key("end_column")
      json.value(UInt64(finding.column + finding.length))
      json.key("severity")
      json.value(finding.severity.name)
      json.key("message")
      json.value(untrusted: Array(finding.what.utf8).span)
      json.key("help")
      if finding.meant.isEmpty { json.null() } else { json.value(untrusted: Array(finding.meant.utf8).span) }
      json.endObject()
    }
    json.endArray()
    json.endObject()
    json.newline()
    return String(decoding: json.bytes, as: UTF8.self)
  }
}
