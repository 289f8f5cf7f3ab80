package import LinuxSystem

/// A reason not to trust a file: another user can change it, or put another file in its place.
package struct Distrust: Equatable, Sendable {
  /// What is wrong.
  package var what: String
  /// The command that corrects it.
  package var mend: String
}

/// Opens files by paths that only root, or the user who runs the program, can redirect.
///
/// Each step of the path is opened in the directory that was checked, so that the file that was checked is the one that
/// is read.
package struct TrustedPath: ~Copyable {
  /// The user who may own a step, beside root.
  private let user: UInt32
  /// The directory that the walk has reached, and its path in messages.
  private var here: OwnedDescriptor
  private var shown = ""
  /// The steps that remain, the next one last.
  private var ahead: [String] = []
  private var links = 0
  package private(set) var faults: [Distrust] = []

  /// The most links, as in the kernel (path_resolution(7)).
  private static let maximumLinks = 40

  /// - Parameter user: The effective user ID of this program.
  private init(user: UInt32) throws(Errno) {
    self.user = user
    here = try OwnedDescriptor.open(CPath("/"), .path, .directory)
  }

  /// The file or directory that a path leads to, with the faults on the way.
  package struct Opened: ~Copyable {
    package let descriptor: OwnedDescriptor
    package let faults: [Distrust]
  }

  /// - Parameters:
  ///   - path: An absolute path.
  ///   - kind: What the path must lead to; otherwise the error is that of open(2).
  package static func open(
    _ path: String, as kind: FileStatus.Kind, user: UInt32
  ) throws(Errno) -> Opened {
    // A descriptor that was passed to this program has no name that could lead elsewhere: the process that opened it is
    // responsible for it.
    if kind == .file, isDescriptor(path) {
      return Opened(descriptor: try OwnedDescriptor.open(CPath(path), .read), faults: [])
    }
    var walk = try TrustedPath(user: user)
    let root = try walk.here.status()
    walk.look(at: root, isLast: false)
    walk.push(path)
    while let step = walk.ahead.popLast() {
      if let file = try walk.take(step, wanting: kind) { return Opened(descriptor: file, faults: walk.faults) }
    }
    guard kind == .directory else { throw .isDirectory }
    return Opened(descriptor: try walk.here.open(CPath("."), .read, .directory), faults: walk.faults)
  }

  private static func isDescriptor(_ path: String) -> Bool {
    if path == "/dev/stdin" { return true }
    return ["/proc/self/fd/", "/dev/fd/"].contains { folder in
      path.hasPrefix(folder) && !path.dropFirst(folder.count).isEmpty
        && path.dropFirst(folder.count).allSatisfy { $0.isASCII && $0.isNumber }
    }
  }

  private mutating func push(_ path: String) {
    ahead += path.split(separator: "/").reversed().map(String.init).filter { $0 != "." }
  }

  /// - Returns: The file, if the path ends with this step; nil otherwise.
  private mutating func take(_ step: String, wanting kind: FileStatus.Kind) throws(Errno) -> OwnedDescriptor? {
    let entry = try here.open(CPath(step), .path, .noFollow)
    let status = try entry.status()
    let parent = shown
    if step == ".." {
      shown = shown.split(separator: "/").dropLast().map { "/" + $0 }.joined()
    } else {
      shown += "/" + step
    }
    switch status.kind {
    case .link:
      try follow(entry, status)
      // A link's target is resolved from the directory of the link.
      if shown != "" { shown = parent }
    case .directory:
      look(at: status, isLast: ahead.isEmpty && kind == .directory)
      here = consume entry
    case .file, .other:
      guard ahead.isEmpty, kind == .file else { throw .notDirectory }
      // The name may belong to another file by now, so the file that was opened is the one that is checked.
      let file = try here.open(CPath(step), .read, [.noFollow, .nonBlocking])
      let opened = try file.status()
      guard opened.kind == .file else { throw .notSupportedHere }
      look(at: opened, isLast: true)
      return file
    }
    return nil
  }

  private mutating func follow(_ link: borrowing OwnedDescriptor, _ status: FileStatus) throws(Errno) {
    links += 1
    guard links <= TrustedPath.maximumLinks else { throw .tooManyLinks }
    checkOwner(of: status)
    var target = [UInt8](repeating: 0, count: 4096)
    let count = try link.readLink(CPath(""), into: &target)
    let path = String(decoding: target[..<count], as: UTF8.self)
    push(path)
    if path.hasPrefix("/") {
      here = try OwnedDescriptor.open(CPath("/"), .path, .directory)
      shown = ""
    }
  }

  /// - Parameter isLast: Whether the path names this very file or directory, and it is no directory on the way.
  private mutating func look(at status: FileStatus, isLast: Bool) {
    checkOwner(of: status)
    // In a sticky directory a user cannot remove another user's files, and so cannot put anything in their place.
    if status.kind == .directory, status.isSticky, !isLast { return }
    let byGroup = user == 0 && status.isWritableByGroup
    guard byGroup || status.isWritableByOthers else { return }
    let who = byGroup && status.isWritableByOthers ? "its group and others" : byGroup ? "its group" : "others"
    let name = shown.isEmpty ? "/" : shown
    note(
      Distrust(what: "\(name) may be written by \(who)", mend: "chmod \(user == 0 ? "go" : "o")-w \(shellWord(name))"))
  }

  private mutating func checkOwner(of status: FileStatus) {
    guard status.owner != 0, status.owner != user else { return }
    let name = shown.isEmpty ? "/" : shown
    let isLink = status.kind == .link
    note(
      Distrust(
        what: "\(name) belongs to user \(status.owner)",
        mend: "chown \(isLink ? "-h " : "")\(user == 0 ? "root" : "\(user)") \(shellWord(name))"))
  }

  /// Adds a fault once, because a path may pass the same directory twice.
  private mutating func note(_ fault: Distrust) {
    if !faults.contains(fault) { faults.append(fault) }
  }

  /// The path as one word for a shell.
  private func shellWord(_ path: String) -> String {
    let isPlain = path.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "@"):
        true
      default: false
      }
    }
    return isPlain
      ? path : "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
