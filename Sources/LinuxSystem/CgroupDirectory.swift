internal import CLinux

/// A cgroup, by its open directory: what can be done to all in it at once (cgroups(7),
/// Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/freezer-subsystem.rst).
package struct CgroupDirectory: ~Copyable {
  private let directory: OwnedDescriptor
  /// The cgroup of the same processes in the version 1 freezer hierarchy.
  private let freezer: OwnedDescriptor?

  /// Cgroups below cgroups that are looked into.
  private static let maximumDepth = 8

  /// - Parameters:
  ///   - directory: Of either version.
  ///   - freezer: Where `directory` is of version 1 and there is one; the caller answers for its being the same.
  package init(_ directory: consuming OwnedDescriptor, freezer: consuming OwnedDescriptor? = nil) {
    self.directory = directory
    self.freezer = freezer
  }

  /// Ends everybody in it and below it in one step (`cgroup.kill`, version 2 since Linux 5.14).
  ///
  /// - Throws: `ENOENT` where it has no such file, `EOPNOTSUPP` in a threaded cgroup.
  package func kill() throws(Errno) {
    try put("1", into: "cgroup.kill")
  }

  /// Freezes or thaws everybody in it and below it. The kernel does so in its own time.
  ///
  /// - Throws: `ENOENT` where neither version's freezer is there.
  package func setFrozen(_ frozen: Bool) throws(Errno) {
    switch freezer {
    case .some(let freezer):
      try CgroupDirectory.put(frozen ? "FROZEN" : "THAWED", into: "freezer.state", below: freezer)
    case .none: try put(frozen ? "1" : "0", into: "cgroup.freeze")
    }
  }

  /// Whether it was told to freeze, by whomever: the kernel may still be at it. Version 1 tells also of one that a cgroup
  /// above froze.
  ///
  /// - Throws: As ``setFrozen(_:)``.
  package func isToldToFreeze() throws(Errno) -> Bool {
    switch freezer {
    case .some(let freezer): try !freezer.open(CgroupDirectory.state, .read).contains("THAWED")
    case .none: try directory.open(CgroupDirectory.freeze, .read).contains("1")
    }
  }

  /// Whether everybody in it and below it stands still.
  ///
  /// - Throws: As ``setFrozen(_:)``.
  package func isFrozen() throws(Errno) -> Bool {
    switch freezer {
    case .some(let freezer): try freezer.open(CgroupDirectory.state, .read).contains("FROZEN")
    case .none: try directory.open(CgroupDirectory.events, .read).contains("frozen 1")
    }
  }

  /// Whether SIGKILL is kept back in it while it is frozen, as in the freezer of version 1.
  package var keepsKillsBack: Bool {
    switch freezer {
    case .some: true
    case .none: false
    }
  }

  /// Lists the processes in it and below it.
  ///
  /// - Parameters:
  ///   - pids: Emptied first; filled up to its capacity, and no process twice in a row.
  ///   - skipped: So many are left out at the beginning: those of a list that was cut.
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
          // Removed meanwhile.
          if error != .noDevice, error != .noSuchFile { throw error }
        }
      case .failed(.noSuchFile): continue
      case .failed: pids.hidesSome = true
      }
    }
  }

  // Made once: a decision allocates nothing.
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
    // Literals end in a NUL and live for ever.
    let raw = try retrying {
      unsafe file.utf8Start.withMemoryRebound(to: CChar.self, capacity: file.utf8CodeUnitCount + 1) { path in
        unsafe Int(clinux_openat(directory.raw, path, O_WRONLY | O_CLOEXEC, 0))
      }
    }
    let target = OwnedDescriptor(owning: Int32(raw))
    _ = try retrying { unsafe CLinux.write(target.raw, text.utf8Start, text.utf8CodeUnitCount) }
  }
}

/// Numbers of processes, up to a capacity that is allocated once.
package struct ProcessList: Sendable {
  private var numbers: [Int32]
  package private(set) var count = 0
  /// Whether there were more than fit.
  package private(set) var isCut = false
  /// Whether there are others beside these, that cannot be told: of a pid namespace that this one cannot see, or in a
  /// cgroup that could not be looked into.
  package var hidesSome = false
  private var skipped = 0
  private var scratch: [UInt8]

  /// - Parameter capacity: Processes that fit.
  package init(capacity: Int) {
    numbers = [Int32](repeating: 0, count: capacity)
    scratch = [UInt8](repeating: 0, count: 1024)
  }

  package subscript(index: Int) -> Int32 { numbers[index] }

  /// - Parameter skipped: So many that are added next are left out.
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

  /// Adds the numbers of a file that has one on each line. A process of a pid namespace that this one cannot see is
  /// told as 0, and counts as hidden.
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

/// A directory in a directory.
enum Subdirectory: ~Copyable {
  case open(OwnedDescriptor)
  /// `ENOENT` where it was removed meanwhile.
  case failed(Errno)
}

/// A walk over the directories in a directory, by getdents64(2) into a buffer on the stack.
struct SubdirectoryWalk: ~Copyable {
  private let directory: OwnedDescriptor
  private var buffer = InlineArray<1024, UInt8>(repeating: 0)
  private var position = 0
  private var end = 0
  private var nameStart = 0

  init(_ directory: consuming OwnedDescriptor) {
    self.directory = directory
  }

  /// Of the one that ``next()`` gave last. Allocates.
  var name: [UInt8] {
    var bytes: [UInt8] = []
    var index = nameStart
    while index < buffer.count, buffer[index] != 0 {
      bytes.append(buffer[index])
      index += 1
    }
    return bytes
  }

  /// The next one; nil at the end.
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
