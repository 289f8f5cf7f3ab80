import ArgumentParser
import FoundationEssentials
import LinuxSystem

struct Compile: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a policy as the image that spillwayd reads.",
    discussion: "The image is described in docs/policy-image.md. Nothing is written where the policy has a mistake.")

  @Argument(help: ArgumentHelp("The policy file.", valueName: "file"))
  var file: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Where to write the image.", valueName: "image"))
  var output: String

  /// Given by `run`, which tells the reason again wherever it is asked for.
  @Option(help: .hidden)
  var reasonTo: String?

  func run() throws {
    try reportingFailures { () throws(Failure) in
      if output.hasPrefix("/proc/self/fd/") { becomeOrdinary() }
      let image = Data(try compiled())
      // An open descriptor, handed over by the agent on reload, has no name that could be replaced.
      let isDescriptor = output.hasPrefix("/proc/self/fd/") || output.hasPrefix("/dev/")
      do {
        try image.write(to: URL(filePath: output), options: isDescriptor ? [] : .atomic)
      } catch {
        let isForbidden = (error as? CocoaError)?.code == .fileWriteNoPermission
        throw Failure(
          isForbidden ? .noPermission : .usage, "\(output): the image cannot be written; is its folder there?")
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

/// The agent that starts this program is beyond the kernel's killer and runs before all others; a parser of text must not
/// be either. Giving that up needs no privilege.
func becomeOrdinary() {
  try? OwnProcess.setNice(0)
  guard let file = try? OwnedDescriptor.open(CPath("/proc/self/oom_score_adj"), .write) else { return }
  try? file.write(CPath("0").bytes)
}
