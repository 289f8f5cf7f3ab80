import Glibc

/// What stands at the paths that a policy names as programs.
package struct ProgramLookup: Sendable {
  package enum State: Equatable, Sendable {
    case ready
    case missing
    /// It is no file, or nobody may execute it.
    case notExecutable
    /// Others than root may write it, and so decide what it does.
    case openToOthers
  }

  package var state: @Sendable (_ path: String) -> State

  package init(_ state: @escaping @Sendable (_ path: String) -> State) {
    self.state = state
  }

  /// Just these, all as they should be.
  package init(_ paths: [String]) {
    self.init { paths.contains($0) ? .ready : .missing }
  }

  /// Those of this machine (stat(2)). One that cannot be looked at is missing.
  package static let live = ProgramLookup { path in
    var status = Glibc.stat()
    guard unsafe stat(path, &status) == 0 else { return .missing }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o111 != 0 else { return .notExecutable }
    return status.st_uid == 0 && status.st_mode & 0o022 == 0 ? .ready : .openToOthers
  }
}
