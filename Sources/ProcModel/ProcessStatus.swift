/// `/proc/PID/status` (proc(5), `proc_pid_status` in fs/proc/array.c): its owner, its memory, its capabilities.
///
/// Read line by line. A process cannot smuggle in a line by its name: the kernel prints a newline there as `\n`.
/// Kernel threads and zombies have no memory lines at all.
package struct ProcessStatus: Equatable, Sendable {
  package var realUID: UInt32
  package var effectiveUID: UInt32
  package var effectiveGID: UInt32?
  /// The process that this thread is of.
  package var threadGroup: Int32?
  /// Its pid in the innermost pid namespace it is in (4.1).
  package var innermostPID: Int32?
  /// The pid namespaces that it has a pid in, from that of the proc file system down; at least 1 (4.1).
  package var namespaces: UInt32?
  package var threads: UInt32?
  package var virtual: KiB?
  /// Anonymous, file and shared pages together.
  package var resident: KiB?
  /// The three parts of ``resident`` (4.5).
  package var residentAnonymous: KiB?
  package var residentFile: KiB?
  package var residentShared: KiB?
  package var swap: KiB?
  /// `VmPTE`, and `VmPMD` where the kernel counts that apart (4.0 to 4.14).
  package var pageTables: KiB?
  package var effectiveCapabilities: CapabilitySet?

  /// - Throws: ``ProcParseError/missing(_:)`` without a `Uid` line; else what is wrong with a known line.
  package init(parsing bytes: Span<UInt8>) throws(ProcParseError) {
    var user: (real: UInt32, effective: UInt32)?
    realUID = 0
    effectiveUID = 0
    var scanner = ByteScanner(bytes)
    // Nothing is wanted of what follows the capabilities, which is half of the file on a machine with many processors.
    while effectiveCapabilities == nil, let first = scanner.next {
      switch first {
      case UInt8(ascii: "V"), UInt8(ascii: "R"):
        try takeMemory(&scanner)
      case UInt8(ascii: "U"):
        if scanner.take("Uid:") { user = try ProcessStatus.realAndEffective(&scanner) }
      case UInt8(ascii: "T"):
        if scanner.take("Tgid:") {
          scanner.skipBlanks()
          threadGroup = try scanner.signed32()
          try scanner.expectLineEnd()
        } else if scanner.take("Threads:") {
          scanner.skipBlanks()
          threads = try scanner.unsigned32()
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

  private mutating func takeMemory(_ scanner: inout ByteScanner) throws(ProcParseError) {
    if scanner.take("VmSize:") {
      virtual = try scanner.kibibytes()
    } else if scanner.take("VmRSS:") {
      resident = try scanner.kibibytes()
    } else if scanner.take("RssAnon:") {
      residentAnonymous = try scanner.kibibytes()
    } else if scanner.take("RssFile:") {
      residentFile = try scanner.kibibytes()
    } else if scanner.take("RssShmem:") {
      residentShared = try scanner.kibibytes()
    } else if scanner.take("VmSwap:") {
      swap = try scanner.kibibytes()
    } else if scanner.take("VmPTE:") || scanner.take("VmPMD:") {
      pageTables = (pageTables ?? .zero) + (try scanner.kibibytes())
    }
  }

  /// Takes the real and effective ID of `Uid:` or `Gid:`; a saved and a file system ID follow.
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
      innermostPID = try scanner.signed32()
      count += 1
      scanner.skipBlanks()
    }
    if count > 0 { namespaces = count }
  }
}
