internal import CLinux

/// An open directory of a cgroup, for acting on all processes in the cgroup at once (cgroups(7),
/// Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/freezer-subsystem.rst).
package struct CgroupDirectory: ~Copyable {
  private let directory: OwnedDescriptor
  /// The directory of the cgroup with the same processes in the version 1 freezer hierarchy.
  private let freezer: OwnedDescriptor?

  /// The number of levels below the cgroup that are listed.
  private static let maximumDepth = 8

  /// - Parameters:
  ///   - directory: The cgroup's directory in a hierarchy of either version.
  ///   - freezer: The directory in the version 1 freezer hierarchy, where `directory` is of version 1 and that exists.
  ///     The caller makes sure that it is the same cgroup's.
  package init(_ directory: consuming OwnedDescriptor, freezer: consuming OwnedDescriptor? = nil) {
    self.directory = directory
    self.freezer = freezer
  }

  /// Kills all processes in the cgroup and below it in one step (`cgroup.kill`, version 2 since Linux 5.14).
  ///
  /// - Throws: `ENOENT` where the cgroup has no such file, `EOPNOTSUPP` in a threaded cgroup.
  package func kill() throws(Errno) {
    try put("1", into: "cgroup.kill")
  }

  /// Freezes or thaws all processes in the cgroup and below it. The kernel does so in its own time.
  ///
  /// - Throws: `ENOENT` where neither version's freezer is there.
  package func setFrozen(_ frozen: Bool) throws(Errno) {
    switch freezer {
    case .some(let freezer):
      try CgroupDirectory.put(frozen ? "FROZEN" : "THAWED", into: "freezer.state", below: freezer)
    case .none: try put(frozen ? "1" : "0", into: "cgroup.freeze")
    }
  }

  /// Whether the cgroup was told to freeze, by any program; the kernel may not have finished. In version 1 this is also
  /// true where a cgroup above it was told to.
  ///
  /// - Throws: As ``setFrozen(_:)``.
  package func isToldToFreeze() throws(Errno) -> Bool {
    switch freezer {
    case .some(let freezer): try !freezer.open(CgroupDirectory.state, .read).contains("THAWED")
    case .none: try directory.open(CgroupDirectory.freeze, .read).contains("1")
    }
  }

  /// Whether all processes in the cgroup and below it are frozen.
  ///
  /// - Throws: As ``setFrozen(_:)``.
  package func isFrozen() throws(Errno) -> Bool {
    switch freezer {
    case .some(let freezer): try freezer.open(CgroupDirectory.state, .read).contains("FROZEN")
    case .none: try directory.open(CgroupDirectory.events, .read).contains("frozen 1")
    }
  }

  /// Adds to a count by which the service manager learns that a userspace program killed the cgroup's unit for want of
  /// memory.
  ///
  /// - Throws: `EOPNOTSUPP` where the hierarchy has no such attributes (before Linux 5.7, and version 1), `EACCES` where the
  ///   cgroup belongs to a user.
  package func add(_ number: UInt64, to count: UnitCount) throws(Errno) {
    let name = count.attribute
    // Literals end in a NUL and are never freed.
    _ = try retrying {
      unsafe name.utf8Start.withMemoryRebound(to: CChar.self, capacity: name.utf8CodeUnitCount + 1) { name in
        unsafe Int(clinux_attribute_add(directory.raw, name, number))
      }
    }
  }

  /// Whether a frozen process in the cgroup does not even act on SIGKILL, as in the freezer of version 1.
  package var keepsKillsBack: Bool {
    switch freezer {
    case .some: true
    case .none: false
    }
  }

  /// Lists the processes in the cgroup and below it.
  ///
  /// - Parameters:
  ///   - pids: The list. It is emptied first and filled up to its capacity. No process comes twice in a row.
  ///   - skipped: The number of processes to skip at the beginning, to go on after a list that was cut.
  package func list(into pids: inout ProcessList, skipping skipped: Int = 0) throws(Errno) {
    pids.removeAll(skipping: skipped)
    try CgroupDirectory.list(directory, into: &pids, depth: 0)
  }

  private static func list(
    _ directory: borrowing OwnedDescriptor, into pids: inout ProcessList, depth: Int
  ) throws(Errno) {
    let file = try directory.open(CgroupDirectory.processes, .read)
    try pids.append(linesOf: file)
    var walk = SubdirectoryWalk(try directory.open(CgroupDirectory.itself, .read, .directory))
    while let child = try walk.next() {
      if depth == maximumDepth {
        pids.hidesSome = true
        return
      }
      switch consume child {
      case .open(let child):
        do throws(Errno) {
          try list(child, into: &pids, depth: depth + 1)
        } catch {
          // The cgroup was removed meanwhile.
          if error != .noDevice, error != .noSuchFile { throw error }
        }
      case .failed(.noSuchFile): continue
      case .failed: pids.hidesSome = true
      }
    }
  }

  // These paths are made once, since a decision allocates nothing.
  private static let processes = CPath("cgroup.procs")
  private static let freeze = CPath("cgroup.freeze")
  private static let events = CPath("cgroup.events")
  private static let state = CPath("freezer.state")
  private static let itself = CPath(".")

  private func put(_ text: StaticString, into file: StaticString) throws(Errno) {
    try CgroupDirectory.put(text, into: file, below: directory)
  }

  private static func put(
    _ text: StaticString, into file: StaticString, below directory: borrowing OwnedDescriptor
  ) throws(Errno) {
    // Literals end in a NUL and are never freed.
    let raw = try retrying {
      unsafe file.utf8Start.withMemoryRebound(to: CChar.self, capacity: file.utf8CodeUnitCount + 1) { path in
        unsafe Int(clinux_openat(directory.raw, path, O_WRONLY | O_CLOEXEC, 0))
      }
    }
    let target = OwnedDescriptor(owning: Int32(raw))
    _ = try retrying { unsafe CLinux.write(target.raw, text.utf8Start, text.utf8CodeUnitCount) }
  }
}

/// The extended attributes of a unit's cgroup that oomd and systemd-oomd set and systemd reads (`unit_check_oomd_kill` in
/// src/core/unit.c): where the first has grown, the unit's result is `oom-kill`, and the second has grown by the number of
/// processes that were killed.
package enum UnitCount: UInt8, Sendable {
  case ooms
  case kills

  fileprivate var attribute: StaticString {
    switch self {
    case .ooms: "user.oomd_ooms"
    case .kills: "user.oomd_kill"
    }
  }
}

/// A list of process numbers. Its capacity is allocated once.
package struct ProcessList: Sendable {
  private var numbers: [Int32]
  package private(set) var count = 0
  /// Whether there were more processes than fit.
  package var isCut = false
  /// Whether there are further processes whose numbers are unknown, because they are in a pid namespace that this one
  /// cannot see, or in a cgroup that could not be read.
  package var hidesSome = false
  private var skipped = 0
  private var scratch: [UInt8]

  /// - Parameter capacity: The number of processes that fit.
  package init(capacity: Int) {
    numbers = [Int32](repeating: 0, count: capacity)
    scratch = [UInt8](repeating: 0, count: 1024)
  }

  package subscript(index: Int) -> Int32 { numbers[index] }

  /// - Parameter skipped: The number of processes to skip of those that are added next.
  package mutating func removeAll(skipping skipped: Int = 0) {
    count = 0
    isCut = false
    hidesSome = false
    self.skipped = skipped
  }

  package func contains(_ pid: Int32) -> Bool {
    for index in 0..<count where numbers[index] == pid { return true }
    return false
  }

  package mutating func append(_ pid: Int32) {
    if skipped > 0 {
      skipped -= 1
      return
    }
    guard count < numbers.count else {
      isCut = true
      return
    }
    numbers[count] = pid
    count += 1
  }

  /// Adds the numbers of a file that has one on each line. The file shows a process of a pid namespace that this one
  /// cannot see as 0, and such a process counts as hidden.
  mutating func append(linesOf file: borrowing OwnedDescriptor) throws(Errno) {
    var number: Int32 = 0
    var isNumber = false
    while true {
      let count = try file.readNext(into: &scratch)
      if count == 0 { break }
      for index in 0..<count {
        let byte = scratch[index]
        if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
          number = number &* 10 &+ Int32(byte - UInt8(ascii: "0"))
          isNumber = true
        } else {
          if isNumber { take(number) }
          number = 0
          isNumber = false
        }
      }
    }
    if isNumber { take(number) }
  }

  private mutating func take(_ number: Int32) {
    if number > 0 { append(number) } else { hidesSome = true }
  }
}

/// One directory within another.
enum Subdirectory: ~Copyable {
  case open(OwnedDescriptor)
  /// The directory could not be opened; `ENOENT` where it was removed meanwhile.
  case failed(Errno)
}

/// A walk over the directories within a directory, by getdents64(2) into a buffer on the stack.
struct SubdirectoryWalk: ~Copyable {
  private let directory: OwnedDescriptor
  private var buffer = InlineArray<1024, UInt8>(repeating: 0)
  private var position = 0
  private var end = 0
  private var nameStart = 0

  init(_ directory: consuming OwnedDescriptor) {
    self.directory = directory
  }

  /// The name of the directory that ``next()`` gave last. Allocates.
  var name: [UInt8] {
    var bytes: [UInt8] = []
    var index = nameStart
    while index < buffer.count, buffer[index] != 0 {
      bytes.append(buffer[index])
      index += 1
    }
    return bytes
  }

  /// Returns the next directory; nil at the end.
  mutating func next() throws(Errno) -> Subdirectory? {
    // struct linux_dirent64: d_reclen at 16, d_type at 18, d_name from 19 on.
    while true {
      if position >= end {
        position = 0
        let raw = directory.raw
        end = try retrying {
          var span = buffer.mutableSpan
          // The buffer outlives the call.
          return unsafe span.withUnsafeMutableBytes { bytes in
            unsafe clinux_getdents64(raw, bytes.baseAddress, bytes.count)
          }
        }
        if end == 0 { return nil }
      }
      let entry = position
      position += max(Int(buffer[entry + 16]) | Int(buffer[entry + 17]) << 8, 19)
      let isDirectory = buffer[entry + 18] == UInt8(DT_DIR)
      let isDots =
        buffer[entry + 19] == UInt8(ascii: ".")
        && (buffer[entry + 20] == 0 || (buffer[entry + 20] == UInt8(ascii: ".") && buffer[entry + 21] == 0))
      guard isDirectory, !isDots else { continue }
      nameStart = entry + 19
      let raw = directory.raw
      // The kernel ends the name with a NUL, in the buffer.
      let child = unsafe buffer.span.withUnsafeBytes { bytes in
        let name = unsafe bytes.baseAddress?.advanced(by: entry + 19).assumingMemoryBound(to: CChar.self)
        return unsafe clinux_openat(raw, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
      }
      return child < 0 ? .failed(.current) : .open(OwnedDescriptor(owning: child))
    }
  }
}
