package import LinuxSystem

/// The content of one file of a policy.
package struct PolicyText: Equatable, Sendable {
  /// The name of the file in diagnostics.
  package var file: String
  package var bytes: [UInt8]
  /// The reasons why the file should not be trusted.
  package var faults: [Distrust]

  package init(file: String, bytes: [UInt8], faults: [Distrust] = []) {
    self.file = file
    self.bytes = bytes
    self.faults = faults
  }
}

/// A policy's file, and the drop-ins beside it.
package struct PolicyFolder: Sendable {
  /// The name of the directory beside the policy's file.
  package static let name = "policy.d"
  /// The most drop-ins in one directory; more are an accident.
  package static let maximumDropIns = 64
  /// The most entries of the directory that are read, drop-ins or not.
  private static let maximumNames = 10_000

  /// The main file, then the drop-ins in their order.
  package private(set) var texts: [PolicyText] = []
  /// The diagnostics about files that cannot be read, and about the directory itself.
  package private(set) var diagnostics: [Diagnostic] = []

  /// Why the main file cannot be read.
  package struct Missing: Error {
    package var errno: Errno
  }

  /// - Parameters:
  ///   - path: The path of the policy's file, as the user gave it.
  ///   - directory: The directory that a relative path begins at.
  ///   - user: The effective user ID.
  package init(path: String, from directory: String, user: UInt32) throws(Missing) {
    let absolute = path.hasPrefix("/") ? path : directory + "/" + path
    do throws(Errno) {
      texts = [try PolicyFolder.read(absolute, as: path, user: user)]
    } catch {
      throw Missing(errno: error)
    }
    if !absolute.hasPrefix("/dev/"), !absolute.hasPrefix("/proc/") {
      readDropIns(beside: path, absolute: absolute, user: user)
    }
  }

  private static func read(_ path: String, as name: String, user: UInt32) throws(Errno) -> PolicyText {
    let opened = try TrustedPath.open(path, as: .file, user: user)
    // One byte more than is allowed, so that a file that is too long is noticed.
    var bytes = [UInt8](repeating: 0, count: TOMLDocument.maximumSize + 1)
    let count = try opened.descriptor.readAll(into: &bytes)
    bytes.removeLast(bytes.count - count)
    return PolicyText(file: name, bytes: bytes, faults: opened.faults)
  }

  private mutating func readDropIns(beside path: String, absolute: String, user: UInt32) {
    let folder = PolicyFolder.folder(beside: path)
    let absoluteFolder = PolicyFolder.folder(beside: absolute)
    let names: [String]
    do throws(Errno) {
      let opened = try TrustedPath.open(absoluteFolder, as: .directory, user: user)
      // A fault on the way to the directory has been reported for the file beside it.
      let known = texts[0].faults
      for fault in opened.faults where !known.contains(fault) { complain(folder, fault.what, fault.mend) }
      var walk = DirectoryWalk(
        try opened.descriptor.open(CPath("."), .read, .directory), capacity: 16 * 1024)
      names = try walk.names(limit: PolicyFolder.maximumNames).compactMap { PolicyFolder.dropIn($0) }
    } catch {
      if error != .noSuchFile { complain(folder, "the drop-ins cannot be listed: \(error.text)", "") }
      return
    }
    if names.count > PolicyFolder.maximumDropIns {
      complain(folder, "there are \(names.count) drop-ins", "there can be at most \(PolicyFolder.maximumDropIns)")
    }
    for name in names.prefix(PolicyFolder.maximumDropIns) {
      do throws(Errno) {
        var text = try PolicyFolder.read(absoluteFolder + "/" + name, as: folder + "/" + name, user: user)
        let known = texts[0].faults.map(\.what) + diagnostics.map(\.what)
        text.faults.removeAll { known.contains($0.what) }
        texts.append(text)
      } catch {
        complain(folder + "/" + name, "it cannot be read: \(error.text)", "is it a file, or a link that leads to one?")
      }
    }
  }

  /// The directory of the drop-ins of a policy's file.
  package static func folder(beside path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return name }
    return path[...slash] + name
  }

  /// The name of a file, if it is that of a drop-in: not hidden, and ending in `.toml`; nil otherwise.
  private static func dropIn(_ bytes: [UInt8]) -> String? {
    guard let name = String(validating: bytes, as: UTF8.self), !name.hasPrefix("."), name.hasSuffix(".toml") else {
      return nil
    }
    return name
  }

  private mutating func complain(_ file: String, _ what: String, _ meant: String) {
    diagnostics.append(Diagnostic(severity: .error, file: file, line: 1, column: 1, what: what, meant: meant))
  }
}

extension PolicyCompiler {
  /// Compiles a policy's file with its drop-ins.
  ///
  /// - Parameter inspectsAnyway: Whether the content of files is also checked if another user can change one of them.
  ///   There is no compiled policy then in either case.
  package static func compile(
    _ folder: PolicyFolder, accounts: AccountLookup, programs: ProgramLookup = .live, inspectsAnyway: Bool
  ) -> PolicyCompilation {
    let distrust = folder.texts.flatMap { text in
      text.faults.map { fault in
        Diagnostic(severity: .error, file: text.file, line: 1, column: 1, what: fault.what, meant: fault.mend)
      }
    }
    let found = distrust + folder.diagnostics
    if !found.isEmpty, !inspectsAnyway { return PolicyCompilation(policy: nil, diagnostics: found, patterns: []) }
    var compilation = compile(folder.texts, accounts: accounts, programs: programs)
    if !found.isEmpty {
      compilation.policy = nil
      compilation.diagnostics = found + compilation.diagnostics
    }
    return compilation
  }
}
