import ArgumentParser
import FoundationEssentials
import LinuxSystem
import PolicyFile
import ProcModel

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a policy of what another agent was told.",
    discussion: """
      Writes a policy that does the same, as far as it can be said here; what cannot stands in comments, and is told on \
      standard error. Look it over, and compare it with `spillway diff` before you use it.
      """)

  @Argument(help: ArgumentHelp("Whose configuration it is.", valueName: "agent"))
  var killer: Killer

  @Argument(
    help: ArgumentHelp(
      "Its file. Without it \(Killer.allCases.map { "\($0.path) for \($0.rawValue)" }.joined(separator: ", ")).",
      valueName: "file"))
  var file: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Write to this new file.", valueName: "policy"))
  var output: String?

  @Flag(help: "Replace the file that is there.")
  var force = false

  func run() throws {
    try reportingFailures { () throws(Failure) in
      let path = file ?? killer.path
      let bytes = try LoadedPolicy.bytes(of: path)
      let imported: ImportedPolicy
      do throws(ImportFault) {
        imported = try ImportedPolicy(bytes, of: killer, file: path, machine: ImportMachine.here)
      } catch {
        StandardError.write("\(error)\n")
        throw Failure(.configuration, "")
      }
      for note in imported.notes {
        StandardError.write("\(note)\n")
      }
      guard let output else {
        Output().write(imported.text)
        return
      }
      try write(imported.text, to: output)
    }
  }

  private func write(_ text: String, to path: String) throws(Failure) {
    do {
      try Data(text.utf8).write(to: URL(filePath: path), options: force ? .atomic : .withoutOverwriting)
    } catch {
      switch (error as? CocoaError)?.code {
      case .fileWriteFileExists: throw Failure(.usage, "\(path) is there already; --force replaces it")
      case .fileWriteNoPermission: throw Failure(.noPermission, "\(path): may not be written")
      default: throw Failure(.usage, "\(path): cannot be written; is its folder there?")
      }
    }
  }
}

extension Killer: ExpressibleByArgument {}

extension ImportMachine {
  /// This one; nil where it does not tell.
  fileprivate static var here: ImportMachine? {
    guard let bytes = try? Data(contentsOf: URL(filePath: "/proc/meminfo")),
      let meminfo = try? Meminfo(parsing: [UInt8](bytes).span)
    else { return nil }
    // What shares are of, as the agent has it.
    let reading: MemoryReading? = MemoryReading(meminfo, at: .zero)
    return reading.map { ImportMachine(ram: $0.total, swap: $0.swapTotal) }
  }
}
