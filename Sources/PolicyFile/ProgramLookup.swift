import Glibc

/// Looks up the programs that a policy names.
package struct ProgramLookup: Sendable {
  package enum State: Equatable, Sendable {
    case ready
    case missing
    /// The path is no regular file, or no user may execute it.
    case notExecutable
    /// Users other than root may write the file, and so decide what it does.
    case openToOthers
  }

  package var state: @Sendable (_ path: String) -> State

  package init(_ state: @escaping @Sendable (_ path: String) -> State) {
    self.state = state
  }

  /// Finds these paths alone, each of them ready to be started.
  package init(_ paths: [String]) {
    self.init { paths.contains($0) ? .ready : .missing }
  }

  /// Looks up the programs of this machine (stat(2)). A file that cannot be looked up is missing.
  package static let live = ProgramLookup { path in
    var status = Glibc.stat()
    guard unsafe stat(path, &status) == 0 else { return .missing }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o111 != 0 else { return .notExecutable }
    return status.st_uid == 0 && status.st_mode & 0o022 == 0 ? .ready : .openToOthers
  }
}
