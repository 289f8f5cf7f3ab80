import ProcModel

/// The fields of a reading of memory, those that change most often first.
enum FlightReadingField {
  static let available = 0
  static let fileCache = 1
  static let swapFree = 2
  static let stallSome = 3
  static let stallFull = 4
  static let refaults = 5
  static let ownReclaim = 6

  static let directScans = 7
  static let flags = 8
  static let missing = 9
  static let total = 10
  static let hugePool = 11
  static let swapTotal = 12
  static let impossible = 13

  static let limitHits = 14
  static let limitFailures = 15
  /// Beside the time of the item.
  static let time = 16
  static let anonymous = 17
  static let shared = 18
  static let pageTables = 19
  static let kernel = 20
  static let unnamed = 21
  static let count = 22

  static let hasStall: UInt64 = 1
  static let hasReclaim: UInt64 = 2
  static let hasOwnReclaim: UInt64 = 4
  static let hasLimitCounts: UInt64 = 8
  static let isSwapBeingTakenAway: UInt64 = 16
  static let hasParts: UInt64 = 32
}

extension FlightFields {
  private typealias Field = FlightReadingField

  /// Sets all that a reading tells. What it does not have stays as it was in the reading before, so that it takes no
  /// bytes when it comes back.
  mutating func set(_ reading: borrowing MemoryReading, missing: UInt8) {
    var flags: UInt64 = 0
    self[Field.available] = reading.available.count
    self[Field.fileCache] = reading.fileCache.count
    self[Field.swapFree] = reading.swapFree.count
    if let stall = reading.stall {
      flags |= Field.hasStall
      self[Field.stallSome] = stall.some
      self[Field.stallFull] = stall.full
    }
    if let reclaim = reading.reclaim {
      flags |= Field.hasReclaim
      self[Field.refaults] = reclaim.refaults
      self[Field.directScans] = reclaim.directScans
    }
    if let own = reading.ownReclaim {
      flags |= Field.hasOwnReclaim
      self[Field.ownReclaim] = own
    }
    if let counts = reading.limitCounts {
      flags |= Field.hasLimitCounts
      self[Field.limitHits] = counts.hits
      self[Field.limitFailures] = counts.failures
    }
    if let parts = reading.parts {
      flags |= Field.hasParts
      self[Field.anonymous] = parts.anonymous.count / 1024
      self[Field.shared] = parts.shared.count / 1024
      self[Field.pageTables] = parts.pageTables.count / 1024
      self[Field.kernel] = parts.kernel.count / 1024
      self[Field.unnamed] = parts.unnamed.count / 1024
    }
    if reading.isSwapBeingTakenAway { flags |= Field.isSwapBeingTakenAway }
    self[Field.flags] = flags
    self[Field.missing] = UInt64(missing)
    self[Field.total] = reading.total.count
    self[Field.hugePool] = reading.hugePool.count
    self[Field.swapTotal] = reading.swapTotal.count
    self[Field.impossible] = UInt64(reading.impossible.rawValue)
    self[Field.time] = reading.time.count
  }

  /// The time of a reading is told beside the time of the item.
  mutating func setReadingTime(_ time: Nanoseconds) {
    self[Field.time] = time.count
  }

  /// The sources that the reading lacked.
  var missing: UInt8 { UInt8(truncatingIfNeeded: self[Field.missing]) }

  /// The reading. Values that no writer puts there are cut to their types.
  var reading: MemoryReading {
    var reading = MemoryReading(
      time: Nanoseconds(self[Field.time]), total: KiB(self[Field.total]), available: KiB(self[Field.available]),
      swapTotal: KiB(self[Field.swapTotal]), swapFree: KiB(self[Field.swapFree]))
    let flags = self[Field.flags]
    reading.fileCache = KiB(self[Field.fileCache])
    reading.hugePool = KiB(self[Field.hugePool])
    if flags & Field.hasStall != 0 {
      reading.stall = StallTotals(some: self[Field.stallSome], full: self[Field.stallFull])
    }
    if flags & Field.hasReclaim != 0 {
      reading.reclaim = ReclaimTotals(refaults: self[Field.refaults], directScans: self[Field.directScans])
    }
    if flags & Field.hasOwnReclaim != 0 { reading.ownReclaim = self[Field.ownReclaim] }
    if flags & Field.hasLimitCounts != 0 {
      reading.limitCounts = LimitCounts(hits: self[Field.limitHits], failures: self[Field.limitFailures])
    }
    if flags & Field.hasParts != 0 {
      reading.parts = MemoryParts(
        anonymous: mebibytes(Field.anonymous), shared: mebibytes(Field.shared), pageTables: mebibytes(Field.pageTables),
        kernel: mebibytes(Field.kernel), unnamed: mebibytes(Field.unnamed))
    }
    reading.isSwapBeingTakenAway = flags & Field.isSwapBeingTakenAway != 0
    reading.impossible = Impossible(rawValue: UInt16(truncatingIfNeeded: self[Field.impossible]))
    return reading
  }

  private func mebibytes(_ field: Int) -> KiB {
    let (count, overflow) = self[field].multipliedReportingOverflow(by: 1024)
    return KiB(overflow ? .max : count)
  }
}
