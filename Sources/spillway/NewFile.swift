import LinuxSystem

/// A file that only its owner may read, and that appears under its name whole or not at all.
struct NewFile: ~Copyable {
  /// As it was given.
  let path: String
  private let folder: OwnedDescriptor
  private let file: OwnedDescriptor
  private let name: CPath
  private static let temporary = CPath(".spillway-\(OwnProcess.pid).new")
  private let isReplacing: Bool
  private var isDone = false

  /// Makes sure that the file can be written, before anything is done to fill it.
  ///
  /// - Parameter isReplacing: Whether it takes the place of a file of that name.
  init(_ path: String, replacing isReplacing: Bool) throws(Failure) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard let last = parts.last, !last.isEmpty, last != ".", last != ".." else {
      throw Failure(.usage, "\(path.isEmpty ? "\"\"" : path) names no file")
    }
    let folderPath = path.contains("/") ? "\(parts.dropLast().joined(separator: "/"))/" : "."
    let name = CPath(String(last))
    let folder: OwnedDescriptor
    let file: OwnedDescriptor
    do throws(Errno) {
      let opened = try OwnedDescriptor.open(CPath(folderPath), .read, .directory)
      switch try NewFile.kind(of: name, in: opened) {
      case nil: break
      case .file where isReplacing: break
      case .file: throw .exists
      case .directory: throw .isDirectory
      case .link, .other: throw .invalidArgument
      }
      file = try opened.create(NewFile.temporary, mode: 0o600)
      folder = opened
    } catch {
      throw NewFile.failure(error, path)
    }
    self.folder = folder
    self.file = file
    self.path = path
    self.name = name
    self.isReplacing = isReplacing
  }

  deinit {
    if !isDone { try? folder.remove(NewFile.temporary) }
  }

  mutating func write(_ bytes: [UInt8]) throws(Failure) {
    do throws(Errno) {
      try file.write(bytes.span)
      try file.flush()
      if isReplacing {
        try folder.rename(NewFile.temporary, to: name)
      } else {
        try folder.rename(NewFile.temporary, toNew: name)
      }
      isDone = true
    } catch {
      throw NewFile.failure(error, path)
    }
  }

  /// Nil where there is no such file.
  private static func kind(
    of name: borrowing CPath, in folder: borrowing OwnedDescriptor
  ) throws(Errno) -> FileStatus.Kind? {
    do throws(Errno) {
      return try folder.open(name, .path, .noFollow).status().kind
    } catch .noSuchFile {
      return nil
    }
  }

  private static func failure(_ error: Errno, _ path: String) -> Failure {
    switch error {
    case .exists: Failure(.usage, "\(path) exists already; --force replaces it")
    case .isDirectory: Failure(.usage, "\(path) is a directory")
    case .invalidArgument: Failure(.usage, "\(path) is no ordinary file, and is not replaced")
    case .noSuchFile, .notDirectory: Failure(.usage, "\(path) cannot be written: does its directory exist?")
    case .accessDenied, .notPermitted: Failure(.noPermission, "\(path) may not be written: \(error.text)")
    default: Failure(.kernelFeature, "\(path) cannot be written: \(error.text)")
    }
  }
}
