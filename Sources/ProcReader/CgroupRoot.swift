package import LinuxSystem
import ProcModel

/// Why a folder cannot be used as the root of the machine's cgroups.
package enum CgroupRootFailure: Error, Equatable, Sendable {
  /// The proc file system is a captured tree.
  case captured
  case unreadable(Errno)
  /// The hierarchy that accounts memory is mounted neither there nor below.
  case noHierarchy
  /// The mount begins below the machine's root.
  case part
  /// This process is not found in the mount, so nothing tells where its namespace begins.
  case unplaced

  package var text: String {
    switch self {
    case .captured: "a captured tree has no cgroups to resolve"
    case .unreadable(let errno): errno.text
    case .noHierarchy: "the hierarchy that accounts memory is mounted neither there nor below"
    case .part: "what is mounted there begins below the root of the machine's cgroups"
    case .unplaced: "this process is not found there"
    }
  }
}

/// The machine's cgroups, mounted beside those of the reader's own cgroup namespace, such as the host's
/// `/sys/fs/cgroup` in a container.
struct CgroupRoot: ~Copyable {
  private let files: CgroupFiles
  /// The translation of the reader's paths; nil where they are the machine's already.
  let translation: CgroupTranslation?

  /// - Parameters:
  ///   - folder: The mount of a unified hierarchy, the folder of version 1's mounts, or one of those mounts.
  ///   - proc: The root of the live proc file system.
  init(_ folder: borrowing CPath, proc: borrowing OwnedDescriptor) throws(CgroupRootFailure) {
    let mounts = try CgroupRoot.mounts(at: folder, proc: proc)
    let own = try CgroupRoot.readOwn(proc)
    // Where version 1 has the memory controller, the unified hierarchy accounts no memory.
    let isFirst = CgroupRoot.path(of: .memory, in: own) != nil
    guard let memory = mounts.first(where: { isFirst ? $0.names.contains(.memory) : $0.version == .v2 }) else {
      throw .noHierarchy
    }
    var translation = CgroupTranslation()
    var isNeeded = false
    for mount in mounts {
      let hierarchy: Hierarchy
      switch mount.version {
      case .v2: hierarchy = .unified
      case .v1 where mount.names.contains(.memory): hierarchy = .memory
      case .v1 where mount.names.contains(.systemd): hierarchy = .systemd
      case .v1: continue
      }
      guard let ownPath = CgroupRoot.path(of: hierarchy, in: own) else { continue }
      let root = try CgroupRoot.namespaceRoot(mount, ownPath: ownPath, isNeeded: mount == memory)
      switch hierarchy {
      case .unified: translation.unified = root
      case .memory: translation.memory = root
      case .systemd: translation.systemd = root
      }
      if root.map({ !$0.isEmpty }) ?? false { isNeeded = true }
    }
    var whole = memory
    // Translated paths begin at the machine's root.
    if leadsOutside(memory.root.span) { whole.root = [.slash] }
    do throws(Errno) {
      files = try CgroupFiles(whole)
    } catch {
      throw .unreadable(error)
    }
    if isNeeded { translation.prepare() }
    self.translation = isNeeded ? translation : nil
  }

  consuming func takeFiles() -> CgroupFiles { files }

  private enum Hierarchy {
    case unified
    case memory
    case systemd
  }

  /// Returns the path at which the reader's cgroup namespace begins in a hierarchy, from the top of a mount of it: the
  /// own process's path there, without the part that its namespace shows.
  ///
  /// - Returns: An empty path where both are one. Nil where the path is unknown and not needed.
  private static func namespaceRoot(
    _ mount: CgroupMount, ownPath: [UInt8], isNeeded: Bool
  ) throws(CgroupRootFailure) -> [UInt8]? {
    let top = try open(CPath(mount.point))
    guard isMachinesRoot(top, mount.version) else {
      if isNeeded, leadsOutside(mount.root.span) { throw .part }
      return nil
    }
    // The mount's paths are relative to the machine's root already.
    guard leadsOutside(mount.root.span) else { return [] }
    var search = CgroupSearch(for: OwnProcess.pid)
    let below = ownPath.count == 1 ? 0 : ownPath.count
    guard let place = search.path(below: top), !leadsOutside(ownPath.span), place.count >= below,
      place.suffix(below).elementsEqual(ownPath.suffix(below))
    else {
      if isNeeded { throw .unplaced }
      return nil
    }
    return Array(place.dropLast(below))
  }

  /// Whether the top of a mount is the machine's root. Version 1 has one file that only a root has, version 2 one that
  /// only other cgroups have (cgroup-v1/cgroups.rst, cgroup-v2.rst). The root of a namespace counts as another cgroup.
  private static func isMachinesRoot(_ top: borrowing OwnedDescriptor, _ version: CgroupVersion) -> Bool {
    let name = version == .v1 ? "release_agent" : "cgroup.events"
    let isThere = (try? top.open(CPath(name), .path)) != nil
    return isThere == (version == .v1)
  }

  /// Returns the mounts of hierarchies at a folder or below it.
  private static func mounts(
    at folder: borrowing CPath, proc: borrowing OwnedDescriptor
  ) throws(CgroupRootFailure) -> [CgroupMount] {
    let top = try open(folder)
    var place = [UInt8](repeating: 0, count: 4096)
    let text: [UInt8]
    do throws(Errno) {
      // `mountinfo` has paths without symbolic links.
      place.removeLast(place.count - (try top.readOwnPath(into: &place)))
      text = try CgroupFiles.mounts(below: proc)
    } catch {
      throw .unreadable(error)
    }
    return CgroupMount.all(parsing: text.span).filter { mount in
      mount.point.starts(with: place)
        && (place.count <= 1 || mount.point.count == place.count || mount.point[place.count] == .slash)
    }
  }

  private static func readOwn(_ proc: borrowing OwnedDescriptor) throws(CgroupRootFailure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 32 * 1024)
    do throws(Errno) {
      bytes.removeLast(bytes.count - (try proc.open(CPath("self/cgroup"), .read).readWhole(into: &bytes)))
    } catch {
      throw .unreadable(error)
    }
    return bytes
  }

  private static func open(_ folder: borrowing CPath) throws(CgroupRootFailure) -> OwnedDescriptor {
    do throws(Errno) {
      return try OwnedDescriptor.open(folder, .read, .directory)
    } catch {
      throw .unreadable(error)
    }
  }

  /// Returns the path in one hierarchy, from the content of `/proc/PID/cgroup`; nil where the hierarchy is not in it.
  private static func path(of hierarchy: Hierarchy, in bytes: [UInt8]) -> [UInt8]? {
    var scanner = ByteScanner(bytes.span)
    while !scanner.isAtEnd {
      let isUnified = scanner.take("0::")
      if !isUnified {
        while let byte = scanner.next, byte != .colon, byte != .newline { scanner.advance() }
        scanner.advance()
      }
      let names = isUnified ? [] : HierarchyNames(&scanner)
      if !isUnified { scanner.advance() }
      let isMeant =
        switch hierarchy {
        case .unified: isUnified
        case .memory: names.contains(.memory)
        case .systemd: names.contains(.systemd)
        }
      let start = scanner.offset
      while let byte = scanner.next, byte != .newline { scanner.advance() }
      if isMeant { return Array(bytes[start..<scanner.offset]) }
      scanner.skipLine()
    }
    return nil
  }
}
