package import ProcModel

/// What a flight tells of the run that recorded it.
package struct FlightHeader: Equatable, Sendable {
  /// The agent's version, up to 64 bytes of text.
  package var agentVersion: [UInt8]
  /// Nil where what the agent reads is a captured tree.
  package var bootID: BootID?
  /// The time at which the run began.
  package var started: Nanoseconds
  package var units: KernelUnits
  /// The agent's process number; 0 where the processes are another machine's.
  package var ownPID: Int32
  /// The fastest that memory is thought to go, in KiB per millisecond.
  package var fill: UInt64
  /// Whether the agent runs in dry run.
  package var isRehearsal: Bool
  /// Whether command lines are kept. They may hold secrets.
  package var keepsCommandLines: Bool
  /// The version of the format: ``FlightLayout/version``, unless an older release wrote the file.
  package var layout = FlightLayout.version

  package init(
    agentVersion: [UInt8], bootID: BootID?, started: Nanoseconds, units: KernelUnits, ownPID: Int32, fill: UInt64,
    isRehearsal: Bool, keepsCommandLines: Bool = false
  ) {
    self.agentVersion = agentVersion
    self.bootID = bootID
    self.started = started
    self.units = units
    self.ownPID = ownPID
    self.fill = fill
    self.isRehearsal = isRehearsal
    self.keepsCommandLines = keepsCommandLines
  }
}

/// A policy that was in force during a flight.
package struct FlightPolicy: Equatable, Sendable {
  /// 0 for the policy at the start, and one more with each that replaced it.
  package var number: UInt32
  /// The time at which it came into force.
  package var time: Nanoseconds
  /// What the agent called it: the path of its file, or where it came from. Up to 4096 bytes.
  package var name: [UInt8]
  /// The whole image (docs/policy-image.md).
  package var image: [UInt8]

  package init(number: UInt32, time: Nanoseconds, name: [UInt8], image: [UInt8]) {
    self.number = number
    self.time = time
    self.name = name
    self.image = image
  }
}

extension Array where Element == UInt8 {
  // Allocate: for the start and for reloads.

  /// The lowest bytes of a number, and zeros after its eighth.
  @inline(never)
  private mutating func append(_ number: UInt64, bytes: Int) {
    for index in 0..<bytes { append(index < 8 ? UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) : 0) }
  }

  mutating func set(_ number: UInt32, at offset: Int) {
    for index in 0..<4 { self[offset + index] = UInt8(truncatingIfNeeded: number >> UInt32(8 * index)) }
  }

  /// The header of a flight's file.
  init(_ header: FlightHeader) {
    self.init()
    let versionLength = Swift.min(header.agentVersion.count, FlightLayout.longestVersion)
    reserveCapacity(FlightLayout.headerLength + versionLength)
    append(FlightLayout.magic, bytes: 8)
    append(UInt64(FlightLayout.version), bytes: 2)
    append(UInt64(FlightLayout.headerLength + versionLength), bytes: 2)
    append(0, bytes: 4)  // The check, once all is there.
    append(header.started.count, bytes: 8)
    append(header.units.pageSizeKiB, bytes: 8)
    append(header.units.ticksPerSecond, bytes: 8)
    append(header.fill, bytes: 8)
    append(UInt64(UInt32(bitPattern: header.ownPID)), bytes: 4)
    var flags: UInt8 = 0
    if header.isRehearsal { flags |= FlightLayout.isRehearsal }
    if header.keepsCommandLines { flags |= FlightLayout.hasCommandLines }
    if header.bootID != nil { flags |= FlightLayout.hasBootID }
    append(flags)
    append(UInt8(versionLength))
    if let bootID = header.bootID {
      for index in 0..<BootID.length { append(bootID.bytes[index]) }
    } else {
      append(0, bytes: BootID.length)
    }
    for index in 0..<versionLength { append(header.agentVersion[index]) }
    let check = CRC32.of(span.extracting(FlightLayout.checkedFrom..<count))
    set(check ^ FlightLayout.mixed(FlightLayout.version), at: FlightLayout.checkOffset)
  }

  /// The block of a policy.
  init(_ policy: FlightPolicy) {
    self.init()
    let nameLength = Swift.min(policy.name.count, FlightLayout.longestName)
    let length = 2 + nameLength + policy.image.count
    reserveCapacity(FlightLayout.blockHeaderLength + length)
    append(UInt64(FlightLayout.policyMark), bytes: 4)
    append(UInt64(policy.number), bytes: 4)
    append(UInt64(length), bytes: 4)
    append(0, bytes: 4)  // The checks, once all is there.
    append(policy.time.count, bytes: 8)
    append(0, bytes: 16)
    append(UInt64(nameLength), bytes: 2)
    for index in 0..<nameLength { append(policy.name[index]) }
    append(contentsOf: policy.image)
    set(CRC32.of(span.extracting(FlightLayout.blockHeaderLength..<count)), at: 12)
    set(CRC32.of(span.extracting(0..<FlightLayout.blockCheckedLength)), at: FlightLayout.blockCheckedLength)
  }
}
