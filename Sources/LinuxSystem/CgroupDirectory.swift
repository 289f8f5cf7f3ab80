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

  /// Lists the processes in it and below it.
  ///
  /// - Parameter pids: Emptied first; filled up to its capacity, and no process twice in a row.
  package func list(into pids: inout ProcessList) throws(Errno) {
    pids.removeAll()
    try CgroupDirectory.list(directory, into: &pids, depth: 0)
  }

  private static func list(
    _ directory: borrowing OwnedDescriptor, into pids: inout ProcessList, depth: Int
  ) throws(Errno) {
    let file = try directory.open(CgroupDirectory.processes, .read)
    try pids.append(linesOf: file)
    guard depth < maximumDepth else { return }
    var walk = SubdirectoryWalk(try directory.open(CgroupDirectory.itself, [.read, .directory]))
    while let child = try walk.next() {
      switch consume child {
      case .some(let child): try list(child, into: &pids, depth: depth + 1)
      // Removed meanwhile.
      case .none: continue
      }
    }
  }

  // Made once: a decision allocates nothing.
  private static let processes = CPath("cgroup.procs")
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
  private var scratch: [UInt8]

  /// - Parameter capacity: Processes that fit.
  package init(capacity: Int) {
    numbers = [Int32](repeating: 0, count: capacity)
    scratch = [UInt8](repeating: 0, count: 1024)
  }

  package subscript(index: Int) -> Int32 { numbers[index] }

  package mutating func removeAll() {
    count = 0
    isCut = false
  }

  package func contains(_ pid: Int32) -> Bool {
    for index in 0..<count where numbers[index] == pid { return true }
    return false
  }

  package mutating func append(_ pid: Int32) {
    guard count < numbers.count else {
      isCut = true
      return
    }
    numbers[count] = pid
    count += 1
  }

  /// Adds the numbers of a file that has one on each line. A process of a pid namespace that this one cannot see is
  /// told as 0, and left out.
  mutating func append(linesOf file: borrowing OwnedDescriptor) throws(Errno) {
    var number: Int32 = 0
    while true {
      let count = try file.readNext(into: &scratch)
      if count == 0 { break }
      for index in 0..<count {
        let byte = scratch[index]
        if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
          number = number &* 10 &+ Int32(byte - UInt8(ascii: "0"))
        } else {
          if number > 0 { append(number) }
          number = 0
        }
      }
    }
    if number > 0 { append(number) }
  }
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

  /// The next one, open; `.some(nil)` where it cannot be opened, nil at the end.
  mutating func next() throws(Errno) -> OwnedDescriptor?? {
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
      return child < 0 ? .some(nil) : .some(OwnedDescriptor(owning: child))
    }
  }
}
