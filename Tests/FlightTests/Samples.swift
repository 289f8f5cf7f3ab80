import Fixtures
import ProcModel

@testable import Flight

extension SplitMix64 {
  /// A number whose length in bits is as random as the number.
  mutating func any() -> UInt64 { next() >> (next() % 65 == 64 ? 63 : next() % 64) }

  mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(count, 1))) }

  mutating func isOnce(in count: Int) -> Bool { below(count) == 0 }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

  mutating func failure() -> ReadFailure {
    switch below(3) {
    case 0: .vanished
    case 1: .denied
    default: .failed(errno: Int32(truncatingIfNeeded: next()))
    }
  }

  /// Facts of which every field may have any value of its type.
  mutating func facts() -> ProcessFacts {
    var facts = ProcessFacts(
      identity: ProcessIdentity(pid: Int32(truncatingIfNeeded: any()), startTime: Ticks(any())))
    facts.parent = Int32(truncatingIfNeeded: any())
    facts.processGroup = Int32(truncatingIfNeeded: any())
    facts.session = Int32(truncatingIfNeeded: any())
    facts.hasTerminal = isOnce(in: 2)
    facts.isInNamespace = isOnce(in: 2)
    facts.comm = Comm(bytes(below(16)).span)
    facts.image = any()
    facts.state = UInt8(truncatingIfNeeded: next())
    facts.isKernelThread = isOnce(in: 2)
    facts.threads = UInt32(truncatingIfNeeded: any())
    facts.nice = Int8(truncatingIfNeeded: next())
    facts.cpu = Ticks(any())
    facts.age = isOnce(in: 4) ? nil : Ticks(any())
    facts.realUID = UInt32(truncatingIfNeeded: any())
    facts.effectiveUID = isOnce(in: 2) ? 0 : UInt32(truncatingIfNeeded: any())
    facts.effectiveGID = UInt32(truncatingIfNeeded: any())
    facts.effectiveCapabilities = CapabilitySet(rawValue: any())
    addMemory(to: &facts)
    facts.oomScoreAdj = Int16(truncatingIfNeeded: next())
    facts.oomScore = isOnce(in: 4) ? nil : Int32(truncatingIfNeeded: any())
    facts.isSwappingOff = isOnce(in: 2)
    facts.unread = UnreadFacts(rawValue: UInt8(truncatingIfNeeded: next()))
    facts.cgroupKey = isOnce(in: 4) ? nil : next()
    facts.memoryKey = isOnce(in: 2) ? facts.cgroupKey ?? 0 : next()
    facts.domains = DomainSet(rawValue: UInt8(truncatingIfNeeded: next()))
    return facts
  }

  private mutating func addMemory(to facts: inout ProcessFacts) {
    facts.virtual = KiB(any())
    facts.resident = KiB(any())
    facts.anonymous = KiB(any())
    facts.file = KiB(any())
    facts.shared = KiB(any())
    facts.swap = KiB(any())
    facts.pageTables = KiB(any())
    facts.childrenVirtual = KiB(any())
    facts.sharedElsewhere = KiB(any())
    facts.faulted = KiB(any())
  }

  /// A reading of which every field may have any value.
  mutating func reading() -> MemoryReading {
    var reading = MemoryReading(
      time: Nanoseconds(any()), total: KiB(any()), available: KiB(any()), swapTotal: KiB(any()), swapFree: KiB(any()))
    reading.hugePool = KiB(any())
    reading.fileCache = KiB(any())
    if isOnce(in: 2) { reading.stall = StallTotals(some: any(), full: any()) }
    if isOnce(in: 2) { reading.reclaim = ReclaimTotals(refaults: any(), directScans: any()) }
    if isOnce(in: 2) { reading.ownReclaim = any() }
    if isOnce(in: 2) { reading.limitCounts = LimitCounts(hits: any(), failures: any()) }
    if isOnce(in: 2) {
      reading.parts = MemoryParts(
        anonymous: KiB(any()), shared: KiB(any()), pageTables: KiB(any()), kernel: KiB(any()), unnamed: KiB(any()))
    }
    reading.isSwapBeingTakenAway = isOnce(in: 2)
    reading.impossible = Impossible(rawValue: UInt16(truncatingIfNeeded: next()))
    return reading
  }

  private mutating func parseError() -> ProcParseError {
    switch below(4) {
    case 0: .truncated(offset: Int(any() >> 1))
    case 1: .malformed(offset: below(100))
    case 2: .overflow(offset: below(100))
    default: .missing(.statusUID)
    }
  }

  /// A tally of which every field may have any value.
  mutating func tally() -> SurveyTally {
    var tally = SurveyTally()
    tally.seen = UInt32(truncatingIfNeeded: any())
    tally.kernelThreads = UInt32(truncatingIfNeeded: any())
    tally.zombies = UInt32(truncatingIfNeeded: any())
    tally.unsearched = UInt32(truncatingIfNeeded: any())
    tally.leftOut = UInt32(truncatingIfNeeded: any())
    tally.leftOutFootprint = KiB(any())
    tally.leftOutOld = UInt32(truncatingIfNeeded: any())
    tally.leftOutOldFootprint = KiB(any())
    tally.withoutMemory = UInt32(truncatingIfNeeded: any())
    tally.vanished = UInt32(truncatingIfNeeded: any())
    tally.denied = UInt32(truncatingIfNeeded: any())
    tally.failed = UInt32(truncatingIfNeeded: any())
    tally.malformed = UInt32(truncatingIfNeeded: any())
    if isOnce(in: 2) {
      tally.lastMalformed = SurveyTally.Malformed(
        pid: Int32(truncatingIfNeeded: next()), file: ProcessFile.allCases[below(9)], error: parseError())
    }
    tally.unknownCgroups = UInt32(truncatingIfNeeded: any())
    if isOnce(in: 2) { tally.uptimeError = parseError() }
    tally.unborn = UInt32(truncatingIfNeeded: any())
    tally.isHidden = isOnce(in: 2)
    return tally
  }
}
