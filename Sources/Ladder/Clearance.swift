package import LinuxSystem

/// What is to be done with a process that is found in a group or cgroup that may go whole, and was not when its kill
/// set was chosen: the policy's word, as a value. A killer asks for it at the time of the act, and knows no policy.
package enum Clearance: Equatable, Sendable {
  /// A rule or the kernel protects it, it is the agent's or process 1, or it cannot be told what it is.
  case stays
  case mayGo
  /// It has exited: nothing keeps the others.
  case gone
}

/// Why a group or a cgroup that may go whole was signalled process by process.
package enum OneByOne: Equatable, Sendable {
  /// Somebody in it stays.
  case protected
  /// None of those held lives in the group any more, so its number may be another's (before Linux 6.9).
  case unproven
  /// The kernel did not let it go in one step, or not look into it: `EROFS` or `EACCES` where cgroups may not be
  /// written, `ENOENT` without `cgroup.kill`.
  case refused(Errno)

  package var name: String {
    switch self {
    case .protected: "protected"
    case .unproven: "unproven"
    case .refused: "refused"
    }
  }

  /// The kernel's reason, where it had one.
  package var errno: Errno? {
    if case .refused(let errno) = self { errno } else { nil }
  }
}
