import ArgumentParser
import LinuxSystem
import ProcReader

/// The directories where a machine's files are read.
struct MachineRoot {
  /// The proc file system, or a captured tree like one.
  var proc: String
  /// Where the machine's cgroups are mounted; nil to use what this process sees of them.
  var cgroups: String?

  static let cgroupHelp = ArgumentHelp(
    "Read the machine's cgroups in this directory: the host's /sys/fs/cgroup, in a container that shows the host's processes.",
    valueName: "dir")

  func open() throws(Failure) -> LiveSource {
    var source: LiveSource
    do throws(Errno) {
      source = try LiveSource.open(root: CPath(proc))
    } catch {
      throw Failure(error == .accessDenied ? .noPermission : .usage, "\(proc): \(error.text)")
    }
    // Without it, what forked processes share is told by their page faults alone.
    try? source.prepareToGiveUp()
    guard let cgroups else { return source }
    do throws(CgroupRootFailure) {
      try source.takeCgroups(from: CPath(cgroups))
    } catch {
      throw Failure(
        error == .unreadable(.accessDenied) ? .noPermission : .usage, "--cgroup-root \(cgroups): \(error.text)")
    }
    return source
  }
}
