import ArgumentParser
import FoundationEssentials
import LinuxSystem

struct Compile: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compile a policy to the image that spillwayd reads.",
    discussion: "docs/policy-image.md describes the image. If the policy has a mistake, no image is written.")

  @Argument(help: ArgumentHelp("The policy file.", valueName: "file"))
  var file: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Where to write the image.", valueName: "image"))
  var output: String

  /// A file for the reason why there is no image. `run` passes it, and reports the reason itself.
  @Option(help: .hidden)
  var reasonTo: String?

  func run() throws {
    try reportingFailures { () throws(Failure) in
      if output.hasPrefix("/proc/self/fd/") { becomeOrdinary() }
      let image = Data(try compiled())
      // On a reload the agent hands over an open descriptor, which has no name that a rename could replace.
      let isDescriptor = output.hasPrefix("/proc/self/fd/") || output.hasPrefix("/dev/")
      do {
        try image.write(to: URL(filePath: output), options: isDescriptor ? [] : .atomic)
      } catch {
        let isForbidden = (error as? CocoaError)?.code == .fileWriteNoPermission
        throw Failure(
          isForbidden ? .noPermission : .usage, "\(output): the image cannot be written; does its directory exist?")
      }
    }
  }

  private func compiled() throws(Failure) -> [UInt8] {
    do throws(Failure) {
      return try LoadedPolicy.load(path: file).image()
    } catch {
      if let reasonTo, let file = try? OwnedDescriptor.open(CPath(reasonTo), .write) {
        let reason = error.description.isEmpty ? error.told : error.description
        try? file.write(Array(reason.utf8.prefix(StartPolicy.maximumReason)).span)
      }
      throw error
    }
  }
}

/// Gives up the nice value and the `oom_score_adj` that this program inherits from the agent.
///
/// The agent is protected from the kernel's killer and runs before other processes. A parser of text must have neither
/// privilege. Giving them up needs no capability.
func becomeOrdinary() {
  try? OwnProcess.setNice(0)
  guard let file = try? OwnedDescriptor.open(CPath("/proc/self/oom_score_adj"), .write) else { return }
  try? file.write(CPath("0").bytes)
}
