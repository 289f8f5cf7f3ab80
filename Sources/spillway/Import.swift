import ArgumentParser
import FoundationEssentials
import LinuxSystem
import PolicyFile
import ProcModel

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Convert another agent's configuration to a policy.",
    discussion: """
      Writes the policy that comes nearest to it. Comments in the policy mark each option that cannot be carried over; \
      what changes the choice of a victim is also printed on standard error. Review the policy, and compare it with \
      `spillway diff` before you use it.
      """)

  @Argument(help: ArgumentHelp("The agent whose configuration it is.", valueName: "agent"))
  var killer: Killer

  @Argument(
    help: ArgumentHelp(
      "Its configuration. Default: \(Killer.allCases.map { "\($0.path) for \($0.rawValue)" }.joined(separator: ", ")).",
      valueName: "file"))
  var file: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write the policy to this new file, not to standard output.", valueName: "policy"))
  var output: String?

  @Flag(help: "Replace the file that --output names if it exists.")
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
      case .fileWriteFileExists: throw Failure(.usage, "\(path) exists already; --force replaces it")
      case .fileWriteNoPermission: throw Failure(.noPermission, "\(path): may not be written")
      default: throw Failure(.usage, "\(path): cannot be written; does its directory exist?")
      }
    }
  }
}

extension Killer: ExpressibleByArgument {}

extension ImportMachine {
  /// This machine; nil where `/proc/meminfo` cannot be read.
  fileprivate static var here: ImportMachine? {
    guard let bytes = try? Data(contentsOf: URL(filePath: "/proc/meminfo")),
      let meminfo = try? Meminfo(parsing: [UInt8](bytes).span)
    else { return nil }
    // Shares are of the same total that the agent uses.
    let reading: MemoryReading? = MemoryReading(meminfo, at: .zero)
    return reading.map { ImportMachine(ram: $0.total, swap: $0.swapTotal) }
  }
}
