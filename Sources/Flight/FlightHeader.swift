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

  mutating func append(flight number: some FixedWidthInteger & UnsignedInteger) {
    for shift in stride(from: 0, to: number.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: number >> shift)) }
  }

  mutating func set(_ number: UInt32, at offset: Int) {
    for index in 0..<4 { self[offset + index] = UInt8(truncatingIfNeeded: number >> UInt32(8 * index)) }
  }

  /// The header of a flight's file.
  init(_ header: FlightHeader) {
    self.init()
    let versionLength = Swift.min(header.agentVersion.count, FlightLayout.longestVersion)
    reserveCapacity(FlightLayout.headerLength + versionLength)
    for index in FlightLayout.magic.indices { append(FlightLayout.magic[index]) }
    append(flight: FlightLayout.version)
    append(flight: UInt16(FlightLayout.headerLength + versionLength))
    append(flight: UInt32(0))  // The check, once all is there.
    append(flight: header.started.count)
    append(flight: header.units.pageSizeKiB)
    append(flight: header.units.ticksPerSecond)
    append(flight: header.fill)
    append(flight: UInt32(bitPattern: header.ownPID))
    var flags: UInt8 = 0
    if header.isRehearsal { flags |= FlightLayout.isRehearsal }
    if header.keepsCommandLines { flags |= FlightLayout.hasCommandLines }
    if header.bootID != nil { flags |= FlightLayout.hasBootID }
    append(flags)
    append(UInt8(versionLength))
    for index in 0..<BootID.length { append(header.bootID?.bytes[index] ?? 0) }
    for index in 0..<versionLength { append(header.agentVersion[index]) }
    set(RunningCRC32.of(span.extracting(FlightLayout.checkedFrom..<count)), at: FlightLayout.checkOffset)
  }

  /// The block of a policy.
  init(_ policy: FlightPolicy) {
    self.init()
    let nameLength = Swift.min(policy.name.count, FlightLayout.longestName)
    let length = 2 + nameLength + policy.image.count
    reserveCapacity(FlightLayout.blockHeaderLength + length)
    append(flight: FlightLayout.policyMark)
    append(flight: policy.number)
    append(flight: UInt32(length))
    append(flight: UInt32(0))  // Both checks, once all is there.
    append(flight: policy.time.count)
    append(flight: UInt64(0))
    append(flight: UInt32(0))
    append(flight: UInt32(0))
    append(flight: UInt16(nameLength))
    for index in 0..<nameLength { append(policy.name[index]) }
    append(contentsOf: policy.image)
    set(RunningCRC32.of(span.extracting(FlightLayout.blockHeaderLength..<count)), at: 12)
    set(RunningCRC32.of(span.extracting(0..<FlightLayout.blockCheckedLength)), at: FlightLayout.blockCheckedLength)
  }
}
