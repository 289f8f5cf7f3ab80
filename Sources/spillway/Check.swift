import ArgumentParser
import LinuxSystem
import Policy
import PolicyFile
import ProcModel
import Record

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Read policy files and say what is wrong with them.",
    discussion: """
      Silent with exit code 0 where all are right; otherwise FILE:LINE:COLUMN: error: …, the line below it, and exit \
      code 78. A warning alone leaves the code at 0. The drop-ins in policy.d beside each file are read with it.
      """)

  @Argument(help: ArgumentHelp("Policy files.", valueName: "file"))
  var files: [String]

  @Flag(help: "Say too what each policy would mean for the processes and the memory of this machine now.")
  var live = false

  @Flag(help: "Print what was found as JSON.")
  var json = false

  @Option(help: ArgumentHelp("With --live, read this in place of /proc.", valueName: "dir"))
  var procRoot = "/proc"

  @Option(
    help: ArgumentHelp("With --live, as `run` has it: where the machine's cgroups are mounted.", valueName: "dir"))
  var cgroupRoot: String?

  @Flag(name: .shortAndLong, help: "Show each policy as it was compiled.")
  var verbose = false

  func validate() throws {
    if json, verbose { throw ValidationError("--json and --verbose both print: leave one of them out") }
  }

  func run() throws {
    try reportingFailures { () throws(Failure) in
      var findings: [Diagnostic] = []
      // First: a file that cannot be read ends this.
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

  /// Whether the service runs by another policy than it was asked to: what is right now may not be in force.
  private static var fallback: Diagnostic? {
    let store = PolicyStore.ofService(nil) ?? PolicyStore(PolicyStore.systemDirectory, user: OwnProcess.effectiveUID)
    guard let note = (try? store.note()) ?? nil, note.isOfTheLiving else { return nil }
    return Diagnostic(
      severity: .warning, file: "\(store.directory)/\(PolicyStore.noteName)", line: 1, column: 1,
      what: "the agent that runs, \(note.agent.pid), is on \(visible(Array(note.sentence.utf8).span))",
      meant: "it reads the policy again when that changes, or on `systemctl reload spillway`")
  }

  /// A file that is not there is one more finding, where a program reads them.
  private func look(at file: String) throws(Failure) -> [Diagnostic] {
    do throws(Failure) {
      return try check(file)
    } catch {
      guard json, error.code == .configuration else { throw error }
      return [
        Diagnostic(
          severity: .error, file: file, line: 1, column: 1, what: "it cannot be read", meant: "is it there, and a file?"
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

  /// As docs/policy.md has it.
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
