import ProcModel

/// The fields of a process's row. Those that change most often come first, so that their mask is one byte. Fields that
/// mostly follow from others are told as what they differ by.
enum FlightRowField {
  static let cpu = 0
  static let anonymous = 1
  static let file = 2
  static let state = 3
  static let virtual = 4
  static let pageTables = 5
  static let oomScore = 6

  static let threads = 7
  static let shared = 8
  static let sharedElsewhere = 9
  static let swap = 10
  static let childrenVirtual = 11
  static let parent = 12
  static let flags = 13

  static let comm = 14
  static let commEnd = 15
  static let image = 16
  static let cgroupKey = 17
  static let processGroup = 18
  static let session = 19
  static let realUID = 20

  static let effectiveUID = 21
  static let effectiveGID = 22
  static let capabilities = 23
  static let memoryKey = 24
  static let oomScoreAdj = 25
  static let nice = 26
  static let resident = 27

  static let domains = 28
  static let unread = 29
  static let age = 30
  /// Version 1 told a growth here, which was always 0.
  static let faulted = 31

  /// Hashes and addresses.
  static let wide: UInt32 = 1 << 16 | 1 << 17 | 1 << 24

  // The flags. The lowest four bits are the length of the name.

  static let hasTerminal: UInt64 = 1 << 4
  static let isInNamespace: UInt64 = 1 << 5
  static let isSwappingOff: UInt64 = 1 << 6
  static let isKernelThread: UInt64 = 1 << 7
  static let hasNoCgroupKey: UInt64 = 1 << 8
  static let hasNoOomScore: UInt64 = 1 << 9
  static let hasNoAge: UInt64 = 1 << 10
}

extension UInt64 {
  /// A number with its sign, in 64 bits.
  fileprivate init(signed number: some FixedWidthInteger & SignedInteger) {
    self = UInt64(bitPattern: Int64(number))
  }
}

extension FlightFields {
  private typealias Field = FlightRowField

  /// The capabilities that the kernel gives to a process of user 0 (`CAP_FULL_SET`, Linux 5.9 to 6.18: 41 of them).
  /// Others are told by their difference from these where the user is 0, and from none otherwise.
  private static let allCapabilities: UInt64 = (1 << 41) - 1

  /// Sets all that a row tells but its identity: what a survey reads, and not what a choice sets.
  ///
  /// - Parameter now: The survey's present, from which ages are reckoned.
  mutating func set(_ facts: borrowing ProcessFacts, now: Ticks) {
    let pid = facts.identity.pid
    self[Field.cpu] = facts.cpu.count
    self[Field.anonymous] = facts.anonymous.count
    self[Field.file] = facts.file.count
    self[Field.state] = UInt64(facts.state ^ UInt8(ascii: "S"))
    self[Field.virtual] = facts.virtual.count
    self[Field.pageTables] = facts.pageTables.count
    self[Field.oomScore] = UInt64(signed: facts.oomScore ?? 0)
    self[Field.threads] = UInt64(facts.threads) &- 1
    self[Field.shared] = facts.shared.count
    self[Field.sharedElsewhere] = facts.sharedElsewhere.count
    self[Field.swap] = facts.swap.count
    self[Field.childrenVirtual] = facts.childrenVirtual.count
    self[Field.parent] = UInt64(signed: facts.parent)
    self[Field.flags] = FlightFields.flags(of: facts)
    let words = FlightFields.words(of: facts.comm)
    self[Field.comm] = words.first
    self[Field.commEnd] = words.second
    self[Field.image] = facts.image
    self[Field.cgroupKey] = facts.cgroupKey ?? 0
    self[Field.processGroup] = UInt64(signed: facts.processGroup) &- UInt64(signed: pid)
    self[Field.session] = UInt64(signed: facts.session) &- UInt64(signed: facts.processGroup)
    self[Field.realUID] = UInt64(facts.realUID)
    self[Field.effectiveUID] = UInt64(facts.effectiveUID) &- UInt64(facts.realUID)
    self[Field.effectiveGID] = UInt64(facts.effectiveGID) &- UInt64(facts.effectiveUID)
    self[Field.capabilities] = facts.effectiveCapabilities.rawValue ^ FlightFields.usual(facts.effectiveUID)
    self[Field.memoryKey] = facts.memoryKey ^ (facts.cgroupKey ?? 0)
    self[Field.oomScoreAdj] = UInt64(signed: facts.oomScoreAdj)
    self[Field.nice] = UInt64(signed: facts.nice)
    self[Field.resident] = facts.resident.count &- (facts.anonymous.count &+ facts.file.count &+ facts.shared.count)
    self[Field.domains] = UInt64(facts.domains.rawValue ^ DomainSet.system.rawValue)
    self[Field.unread] = UInt64(facts.unread.rawValue)
    let age = now.count &- facts.identity.startTime.count
    self[Field.age] = facts.age.map { $0.count &- age } ?? 0
    self[Field.faulted] = facts.faulted.count
  }

  /// The row of a process. Values that no writer puts there are cut to their types.
  func facts(of identity: ProcessIdentity, now: Ticks) -> ProcessFacts {
    var facts = ProcessFacts(identity: identity)
    let flags = self[Field.flags]
    let pid = UInt64(signed: identity.pid)
    facts.cpu = Ticks(self[Field.cpu])
    facts.anonymous = KiB(self[Field.anonymous])
    facts.file = KiB(self[Field.file])
    facts.state = UInt8(truncatingIfNeeded: self[Field.state]) ^ UInt8(ascii: "S")
    facts.virtual = KiB(self[Field.virtual])
    facts.pageTables = KiB(self[Field.pageTables])
    facts.oomScore = flags & Field.hasNoOomScore == 0 ? Int32(truncatingIfNeeded: self[Field.oomScore]) : nil
    facts.threads = UInt32(truncatingIfNeeded: self[Field.threads] &+ 1)
    facts.shared = KiB(self[Field.shared])
    facts.sharedElsewhere = KiB(self[Field.sharedElsewhere])
    facts.swap = KiB(self[Field.swap])
    facts.childrenVirtual = KiB(self[Field.childrenVirtual])
    facts.parent = Int32(truncatingIfNeeded: self[Field.parent])
    facts.hasTerminal = flags & Field.hasTerminal != 0
    facts.isInNamespace = flags & Field.isInNamespace != 0
    facts.isSwappingOff = flags & Field.isSwappingOff != 0
    facts.isKernelThread = flags & Field.isKernelThread != 0
    facts.comm = comm
    facts.image = self[Field.image]
    let cgroupKey = self[Field.cgroupKey]
    facts.cgroupKey = flags & Field.hasNoCgroupKey == 0 ? cgroupKey : nil
    let group = self[Field.processGroup] &+ pid
    facts.processGroup = Int32(truncatingIfNeeded: group)
    facts.session = Int32(truncatingIfNeeded: self[Field.session] &+ group)
    facts.realUID = UInt32(truncatingIfNeeded: self[Field.realUID])
    facts.effectiveUID = UInt32(truncatingIfNeeded: self[Field.effectiveUID] &+ self[Field.realUID])
    facts.effectiveGID = UInt32(truncatingIfNeeded: self[Field.effectiveGID] &+ UInt64(facts.effectiveUID))
    facts.effectiveCapabilities = CapabilitySet(
      rawValue: self[Field.capabilities] ^ FlightFields.usual(facts.effectiveUID))
    facts.memoryKey = self[Field.memoryKey] ^ cgroupKey
    facts.oomScoreAdj = Int16(truncatingIfNeeded: self[Field.oomScoreAdj])
    facts.nice = Int8(truncatingIfNeeded: self[Field.nice])
    facts.resident = KiB(
      self[Field.resident] &+ self[Field.anonymous] &+ self[Field.file] &+ self[Field.shared])
    facts.domains = DomainSet(rawValue: UInt8(truncatingIfNeeded: self[Field.domains]) ^ DomainSet.system.rawValue)
    facts.unread = UnreadFacts(rawValue: UInt8(truncatingIfNeeded: self[Field.unread]))
    facts.age =
      flags & Field.hasNoAge == 0 ? Ticks(self[Field.age] &+ (now.count &- identity.startTime.count)) : nil
    facts.faulted = KiB(self[Field.faulted])
    return facts
  }

  private static func usual(_ user: UInt32) -> UInt64 { user == 0 ? allCapabilities : 0 }

  private static func flags(of facts: borrowing ProcessFacts) -> UInt64 {
    var flags = UInt64(facts.comm.count)
    if facts.hasTerminal { flags |= Field.hasTerminal }
    if facts.isInNamespace { flags |= Field.isInNamespace }
    if facts.isSwappingOff { flags |= Field.isSwappingOff }
    if facts.isKernelThread { flags |= Field.isKernelThread }
    if facts.cgroupKey == nil { flags |= Field.hasNoCgroupKey }
    if facts.oomScore == nil { flags |= Field.hasNoOomScore }
    if facts.age == nil { flags |= Field.hasNoAge }
    return flags
  }

  /// A name in two words of 8 and 7 bytes, the first byte the lowest.
  private static func words(of comm: Comm) -> (first: UInt64, second: UInt64) {
    var words: (first: UInt64, second: UInt64) = (0, 0)
    let bytes = comm.bytes
    for index in bytes.indices {
      if index < 8 {
        words.first |= UInt64(bytes[index]) << UInt64(8 * index)
      } else {
        words.second |= UInt64(bytes[index]) << UInt64(8 * (index - 8))
      }
    }
    return words
  }

  private var comm: Comm {
    var bytes = InlineArray<15, UInt8>(repeating: 0)
    for index in 0..<15 {
      let word = index < 8 ? self[Field.comm] : self[Field.commEnd]
      bytes[index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * (index & 7)))
    }
    return Comm(bytes.span.extracting(0..<Int(self[Field.flags] & 15)))
  }
}
