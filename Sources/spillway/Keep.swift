import ArgumentParser
import LinuxSystem
import Policy
import PolicyFile

/// The agent starts this command once a policy is in force.
struct Keep: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Store an image in the state directory as the last good policy.", shouldDisplay: false)

  @Argument(help: ArgumentHelp("The image file.", valueName: "image"))
  var image: String

  @Option(help: ArgumentHelp("The state directory.", valueName: "dir"))
  var stateDir: String

  @Option(help: ArgumentHelp("The file that it was compiled from.", valueName: "file"))
  var config: String

  func run() throws {
    try reportingFailures { () throws(Failure) in
      becomeOrdinary()
      var bytes = [UInt8](repeating: 0, count: ImageLayout.maximumLength + 1)
      do throws(Errno) {
        bytes.removeLast(bytes.count - (try OwnedDescriptor.open(CPath(image), .read).readWhole(into: &bytes)))
      } catch {
        throw Failure(.configuration, "\(image) cannot be read: \(error.text)")
      }
      do throws(ImageError) {
        _ = try CompiledPolicy(image: bytes.span)
      } catch {
        throw Failure(.configuration, "\(image): \(error.sentence)")
      }
      let store = PolicyStore(stateDir.absolute, user: OwnProcess.effectiveUID)
      // The note is removed first: the configured policy is in force, even if its image cannot be stored.
      store.clearNote()
      do throws(Errno) {
        try store.keep(
          KeptPolicy(
            image: bytes, source: Array(config.absolute.utf8), keptAt: Clock.sinceEpoch() / 1_000_000_000))
      } catch {
        throw Failure(
          error == .accessDenied || error == .notPermitted ? .noPermission : .usage,
          "the policy in force cannot be kept in \(stateDir): \(error.text)")
      }
    }
  }
}
