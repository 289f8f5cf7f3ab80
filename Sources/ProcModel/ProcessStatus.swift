/// `/proc/PID/status` (proc(5), `proc_pid_status` in fs/proc/array.c): a process's owner, memory and capabilities.
///
/// The file is read line by line. A process cannot smuggle in a line by its name: the kernel prints a newline in the
/// name as `\n`. Kernel threads and zombies have no memory lines at all.
package struct ProcessStatus: Equatable, Sendable {
  /// `Tgid`: the process number, also in the file of a thread.
  package var threadGroup: Int32?
  /// `Uid`, first number: the real user ID.
  package var realUID: UInt32
  /// `Uid`, second number: the effective user ID.
  package var effectiveUID: UInt32
  /// `Gid`, second number: the effective group ID.
  package var effectiveGID: UInt32?
  /// `NSpid`, how many numbers (4.1): the number of pid namespaces in which the process has a pid, from that of the
  /// proc file system down; at least 1.
  package var namespaces: UInt32?
  /// `Threads`: the number of threads.
  package var threads: UInt32?
  /// `VmSize`: the size of the address space.
  package var virtual: KiB?
  /// `VmRSS`: the resident memory, anonymous, file and shared pages together.
  package var resident: KiB?
  /// `RssAnon` (4.5): the part of ``resident`` that belongs to no file.
  package var residentAnonymous: KiB?
  /// `RssFile` (4.5): the part of ``resident`` that is file pages.
  package var residentFile: KiB?
  /// `RssShmem` (4.5): the part of ``resident`` that is shared memory and tmpfs.
  package var residentShared: KiB?
  /// `VmSwap` (2.6.34): the swap of its anonymous memory. Swapped shared memory is not counted.
  package var swap: KiB?
  /// `VmPTE`: the memory of its page tables. From 4.0 to 4.14 the kernel counts a part of it as `VmPMD`, which is
  /// added.
  package var pageTables: KiB?
  /// `CapEff`: the effective capabilities.
  package var effectiveCapabilities: CapabilitySet?

  /// - Throws: ``ProcParseError/missing(_:)`` without a `Uid` line; otherwise what is wrong with a known line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var user: (real: UInt32, effective: UInt32)?
    realUID = 0
    effectiveUID = 0
    var scanner = ByteScanner(bytes)
    // Nothing after the capabilities is needed. On a machine with many processors that is half of the file.
    while effectiveCapabilities == nil, let first = scanner.next {
      switch first {
      case UInt8(ascii: "V"), UInt8(ascii: "R"):
        try takeMemory(&scanner)
      case UInt8(ascii: "U"):
        if scanner.take("Uid:") { user = try ProcessStatus.realAndEffective(&scanner) }
      case UInt8(ascii: "T"):
        if scanner.take("Threads:") {
          scanner.skipBlanks()
          threads = try scanner.unsigned32()
          try scanner.expectLineEnd()
        } else if scanner.take("Tgid:") {
          scanner.skipBlanks()
          threadGroup = try scanner.signed32()
          try scanner.expectLineEnd()
        }
      case UInt8(ascii: "G"):
        if scanner.take("Gid:") { effectiveGID = try ProcessStatus.realAndEffective(&scanner).effective }
      case UInt8(ascii: "N"):
        if scanner.take("NSpid:") { try takeNamespaces(&scanner) }
      case UInt8(ascii: "C"):
        if scanner.take("CapEff:") {
          scanner.skipBlanks()
          effectiveCapabilities = CapabilitySet(rawValue: try scanner.hexadecimal())
          try scanner.expectLineEnd()
        }
      default:
        break
      }
      scanner.skipLine()
    }
    guard let user else { throw .missing(.statusUID) }
    realUID = user.real
    effectiveUID = user.effective
  }

  // A letter that few names share is looked at before whole names are compared: status is read of each process, and
  // half of its lines begin with V.
  private mutating func takeMemory(_ scanner: inout ByteScanner) throws(ProcParseError) {
    switch scanner.byte(2) {
    case UInt8(ascii: "s"):
      if scanner.take("RssAnon:") {
        residentAnonymous = try scanner.kibibytes()
      } else if scanner.take("RssFile:") {
        residentFile = try scanner.kibibytes()
      } else if scanner.take("RssShmem:") {
        residentShared = try scanner.kibibytes()
      }
    case UInt8(ascii: "S"):
      if scanner.take("VmSize:") {
        virtual = try scanner.kibibytes()
      } else if scanner.take("VmSwap:") {
        swap = try scanner.kibibytes()
      }
    case UInt8(ascii: "R"):
      if scanner.take("VmRSS:") { resident = try scanner.kibibytes() }
    case UInt8(ascii: "P"):
      if scanner.take("VmPTE:") || scanner.take("VmPMD:") {
        pageTables = (pageTables ?? .zero) + (try scanner.kibibytes())
      }
    default:
      break
    }
  }

  /// Consumes the real and the effective ID of `Uid:` or `Gid:`. A saved ID and a file system ID follow.
  private static func realAndEffective(
    _ scanner: inout ByteScanner
  ) throws(ProcParseError) -> (real: UInt32, effective: UInt32) {
    scanner.skipBlanks()
    let real = try scanner.unsigned32()
    try scanner.expect(.tab)
    let effective = try scanner.unsigned32()
    try scanner.expect(.tab)
    return (real, effective)
  }

  private mutating func takeNamespaces(_ scanner: inout ByteScanner) throws(ProcParseError) {
    var count: UInt32 = 0
    scanner.skipBlanks()
    while let byte = scanner.next, byte != .newline {
      _ = try scanner.signed32()
      count += 1
      scanner.skipBlanks()
    }
    if count > 0 { namespaces = count }
  }
}
