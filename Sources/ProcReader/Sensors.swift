package import Pressure
package import ProcModel

/// Reads a domain's memory, from only those files that its triggers need. Available memory and free swap are corrected
/// where the kernel's own figures are not what programs can get.
package struct Sensors: Sendable {
  private var hasArc = true
  /// The total of swap for which the table was read last. The table is read again when the total changes.
  private var knownSwap: KiB?
  /// The sums of that table; nil where it cannot be read or makes no sense.
  private var listing: SwapListing?
  /// Whether meminfo and that table agreed at the last reading.
  private var isSwapSettled = true
  /// The kinds of statements that were not believed so far, with their counts.
  package private(set) var impossible = ImpossibleCounts()
  /// The cgroups whose lost time counts for the system, where the policy says so.
  package var guarded = GuardedCgroups()
  /// The kernel told of a stall: until then the agent looks often enough to measure it.
  package var alertUntil = Nanoseconds.zero
  // The largest file is vmstat, with 4 KiB on Linux 6.18.
  private var buffer = ByteBuffer(capacity: 8 * 1024)

  /// The number of zram devices that are read; one is usual.
  private static let zramDevices: Int32 = 4

  package init() {}

  /// Why there is no reading.
  package enum Blindness: Error, Equatable {
    case unreadable
    case senseless
  }

  /// The sources that a trigger needs and this machine does not have.
  package struct Missing: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
      self.rawValue = rawValue
    }

    package static let stall = Missing(rawValue: 1)
    package static let reclaim = Missing(rawValue: 2)
    /// Without this source triggers judge less well, but none is off.
    package static let ownReclaim = Missing(rawValue: 4)
    /// None of the cgroups of ``Sensors/guarded`` could be read: the domain's own lost time counts.
    package static let guarded = Missing(rawValue: 8)
  }

  /// Reads the machine's memory once.
  ///
  /// - Parameters:
  ///   - thresholds: The thresholds by which the reading will be judged; nil where only the size is needed.
  ///   - missing: Receives the sources that could not be read, whose trigger is therefore off.
  package mutating func read<Source: ProcSource & ~Copyable>(
    for thresholds: Thresholds?, from source: inout Source, at now: Nanoseconds, missing: inout Missing
  ) throws(Blindness) -> MemoryReading {
    do throws(ReadFailure) {
      try source.read(.meminfo, into: &buffer)
    } catch {
      throw .unreadable
    }
    guard let meminfo = try? Meminfo(parsing: buffer.bytes), var reading = believe(meminfo, from: &source, at: now)
    else { throw .senseless }
    if let size = listing?.zramSize, size > .zero { discountZram(&reading, of: size, from: &source) }
    if hasArc, !source.isReplaced(.meminfo) { addArc(&reading, meminfo, from: &source) }
    defer { impossible.count(reading.impossible) }
    guard let thresholds else { return reading }
    if thresholds.wantsStall {
      if let file = parse(.memoryPressure, from: &source, PressureStall.self) {
        reading.stall = StallTotals(file)
      } else if thresholds.stall != nil {
        missing.insert(.stall)
      }
    }
    if thresholds.thrash != nil || reading.available <= thresholds.reclaimLine(of: reading.total) {
      addReclaim(to: &reading, for: thresholds, from: &source, missing: &missing)
    }
    return reading
  }

  private mutating func addReclaim<Source: ProcSource & ~Copyable>(
    to reading: inout MemoryReading, for thresholds: Thresholds, from source: inout Source, missing: inout Missing
  ) {
    guard thresholds.wantsStall else { return }
    let file = parse(.vmstat, from: &source, VMStat.self)
    reading.ownReclaim = file?.machineReclaim
    if reading.ownReclaim == nil { missing.insert(.ownReclaim) }
    guard thresholds.thrash != nil else { return }
    reading.reclaim = file.flatMap { ReclaimTotals($0) }
    if reading.reclaim == nil { missing.insert(.reclaim) }
  }

  /// Counts the kinds that showed only beside an earlier reading.
  package mutating func countSteps(of reading: MemoryReading) {
    impossible.count(reading.impossible.intersection(.betweenReadings))
  }

  /// How many processes the kernel's own killer has killed since boot, in cgroups too; nil where it does not count them
  /// (before 4.13).
  package mutating func kernelKills<Source: ProcSource & ~Copyable>(from source: inout Source) -> UInt64? {
    parse(.vmstat, from: &source, VMStat.self)?.oomKill
  }

  /// How many it has killed in a cgroup since that was made; nil where it does not count them: before 4.13, and in version
  /// 1.
  package mutating func kernelKills<Source: ProcSource & ~Copyable>(
    inCgroup path: Span<UInt8>, from source: inout Source
  ) -> UInt64? {
    parse(.events, ofCgroup: path, from: &source, CgroupKillCount.self)?.count
  }

  /// Counts a survey that met processes with a start time in the future.
  package mutating func countUnborn() {
    impossible.count(.startTime)
  }

  /// Reads a cgroup's memory once. Any of its files may be missing.
  ///
  /// - Parameters:
  ///   - path: The cgroup's path of `/proc/PID/cgroup`.
  ///   - machine: The machine's reading of a moment ago.
  package mutating func read<Source: ProcSource & ~Copyable>(
    cgroup path: Span<UInt8>, for thresholds: Thresholds, on machine: MemoryReading, from source: inout Source,
    missing: inout Missing
  ) throws(Blindness) -> MemoryReading {
    guard let memory = try cgroupMemory(path, for: thresholds, from: &source) else {
      throw .unreadable
    }
    guard var reading = MemoryReading(memory, on: machine) else {
      impossible.count(.cgroup)
      throw .senseless
    }
    impossible.count(reading.impossible)
    if thresholds.wantsStall {
      if let file = parse(.pressure, ofCgroup: path, from: &source, PressureStall.self) {
        reading.stall = StallTotals(file)
      } else if thresholds.stall != nil {
        missing.insert(.stall)
      }
    }
    if thresholds.thrash != nil, reading.reclaim == nil { missing.insert(.reclaim) }
    return reading
  }

  /// Reads a cgroup's usage alone, where that is enough: the cgroup holds less than half of what it may, so no trigger
  /// is near, whatever part of it could be taken back.
  ///
  /// - Parameter last: The cgroup's last full reading.
  /// - Returns: Nil where a full reading is needed.
  package mutating func glance<Source: ProcSource & ~Copyable>(
    cgroup path: Span<UInt8>, after last: MemoryReading, at now: Nanoseconds, from source: inout Source
  ) -> MemoryReading? {
    guard let usage = parse(.usage, ofCgroup: path, from: &source, CgroupAmount.self)?.amount,
      usage.count < last.total.count / 2
    else { return nil }
    return MemoryReading(
      time: now, total: last.total, available: last.total - usage, swapTotal: last.swapTotal, swapFree: last.swapFree)
  }

  /// Reads the files of a cgroup. Returns nil where the cgroup does not exist.
  private mutating func cgroupMemory<Source: ProcSource & ~Copyable>(
    _ path: Span<UInt8>, for thresholds: Thresholds, from source: inout Source
  ) throws(Blindness) -> CgroupMemory? {
    do throws(ReadFailure) {
      try source.read(.usage, ofCgroup: path, into: &buffer)
    } catch {
      return nil
    }
    guard let usage = (try? CgroupAmount(parsing: buffer.bytes))?.amount,
      let stat = parse(.stat, ofCgroup: path, from: &source, CgroupMemoryStat.self)
    else { throw .senseless }
    let hardLimit = parse(.limit, ofCgroup: path, from: &source, CgroupAmount.self)?.amount
    let limit = lower(hardLimit, parse(.high, ofCgroup: path, from: &source, CgroupAmount.self)?.amount)
    var memory = CgroupMemory(limit: limit, usage: usage, stat: stat)
    if thresholds.wantsStall { memory.ownReclaim = ownReclaim(ofCgroup: path, memory, from: &source) }
    memory.limit = lower(limit, stat.hierarchicalLimit)
    memory.hardLimit = hardLimit
    if thresholds.limit != nil { memory.counts = parse(.events, ofCgroup: path, from: &source, LimitCounts.self) }
    let swapLimit = parse(.swapLimit, ofCgroup: path, from: &source, CgroupAmount.self)?.amount
    switch source.cgroupVersion {
    case .v1:
      memory.swapUsage = stat.swap
      // Version 1 limits memory and swap together.
      if let swapLimit { memory.swapLimit = swapLimit - (memory.limit ?? .zero) }
    case .v2, nil:
      memory.swapUsage = parse(.swapUsage, ofCgroup: path, from: &source, CgroupAmount.self)?.amount
      memory.swapLimit = swapLimit
    }
    return memory
  }

  /// - Parameter memory: The cgroup's memory, with its own limit and not one above it.
  private mutating func ownReclaim<Source: ProcSource & ~Copyable>(
    ofCgroup path: Span<UInt8>, _ memory: CgroupMemory, from source: inout Source
  ) -> UInt64? {
    if memory.limit != nil, let own = parse(.ownEvents, ofCgroup: path, from: &source, OwnLimitCount.self) {
      return own.count
    }
    return memory.stat.scans
  }

  /// Returns the memory that a cgroup may have: its limit, or the line above which the kernel slows its tasks down
  /// where that is lower. Nil where it has neither, or does not exist.
  mutating func limit<Source: ProcSource & ~Copyable>(
    ofCgroup path: Span<UInt8>, from source: inout Source
  ) -> KiB? {
    let limit = parse(.limit, ofCgroup: path, from: &source, CgroupAmount.self)?.amount
    return lower(limit, parse(.high, ofCgroup: path, from: &source, CgroupAmount.self)?.amount)
  }

  /// Returns the lower of two limits, either of which may be missing.
  private func lower(_ one: KiB?, _ other: KiB?) -> KiB? {
    guard let one, let other else { return one ?? other }
    return min(one, other)
  }

  /// Returns the cgroup that limits everything this source shows: the one with the lowest limit from process 1's cgroup
  /// up. In a container that is the container's own. The machine's process 1 has no limit. Where process 1 is outside
  /// of what the source names, the limits that it shows are the agent's alone, and do not count.
  ///
  /// - Returns: The cgroup's path, empty for the root; nil where there is no such limit. Allocates.
  package mutating func ownCgroup<Source: ProcSource & ~Copyable>(from source: inout Source) -> [UInt8]? {
    var missing: Missing = []
    guard source.cgroupVersion != nil, source.view.showsAllCgroups,
      let machine = try? read(for: nil, from: &source, at: .zero, missing: &missing)
    else { return nil }
    do throws(ReadFailure) {
      try source.read(.cgroup, of: 1, into: &buffer)
    } catch {
      return nil
    }
    guard let membership = try? CgroupMembership(parsing: buffer.bytes), !membership.isMemoryOutside else { return nil }
    var path = Array(buffer.storage[membership.memoryPath])
    if path.count == 1 { path.removeAll() }
    var lowest = machine.total
    var found: [UInt8]?
    while true {
      if let limit = limit(ofCgroup: path.span, from: &source), limit < lowest {
        lowest = limit
        found = path
      }
      guard let slash = path.lastIndex(of: .slash) else { return found }
      path.removeLast(path.count - slash)
    }
  }

  mutating func stalls<Source: ProcSource & ~Copyable>(
    ofCgroup path: Span<UInt8>, from source: inout Source
  ) -> StallTotals? {
    parse(.pressure, ofCgroup: path, from: &source, PressureStall.self).map { StallTotals($0) }
  }

  private mutating func parse<Source: ProcSource & ~Copyable, File: KernelFile>(
    _ file: SystemFile, from source: inout Source, _ type: File.Type
  ) -> File? {
    do throws(ReadFailure) {
      try source.read(file, into: &buffer)
    } catch {
      return nil
    }
    return try? File(parsing: buffer.bytes)
  }

  private mutating func parse<Source: ProcSource & ~Copyable, File: KernelFile>(
    _ file: CgroupFile, ofCgroup path: Span<UInt8>, from source: inout Source, _ type: File.Type
  ) -> File? {
    do throws(ReadFailure) {
      try source.read(file, ofCgroup: path, into: &buffer)
    } catch {
      return nil
    }
    return try? File(parsing: buffer.bytes)
  }

  /// Makes a reading from what can be true of meminfo, beside the table of swap areas.
  private mutating func believe<Source: ProcSource & ~Copyable>(
    _ meminfo: Meminfo, from source: inout Source, at now: Nanoseconds
  ) -> MemoryReading? {
    if meminfo.swapTotal != knownSwap || !isSwapSettled { learnSwap(meminfo.swapTotal, from: &source) }
    let isOwn = !source.isReplaced(.meminfo) && !source.isReplaced(.swaps)
    var reading = MemoryReading(meminfo, swaps: listing, isOwn: isOwn, at: now)
    // The two files are not of one moment, so a contradiction counts only if a second reading has it too.
    if isSwapSettled, reading?.isSwapSettled == false, let again = parse(.meminfo, from: &source, Meminfo.self) {
      learnSwap(again.swapTotal, from: &source)
      reading = MemoryReading(again, swaps: listing, isOwn: isOwn, at: now)
    }
    isSwapSettled = reading?.isSwapSettled ?? true
    return reading
  }

  private mutating func learnSwap<Source: ProcSource & ~Copyable>(_ total: KiB, from source: inout Source) {
    knownSwap = total
    listing = nil
    guard let table = parse(.swaps, from: &source, SwapTable.self) else { return }
    listing = SwapListing(table)
  }

  /// Counts free swap on zram devices for what it would relieve, since a page stored there takes memory too. How full
  /// the devices are is taken from what they hold, page for page.
  private mutating func discountZram<Source: ProcSource & ~Copyable>(
    _ reading: inout MemoryReading, of size: KiB, from source: inout Source
  ) {
    var all = ZramStat(stored: .zero, used: .zero)
    for index in 0..<Sensors.zramDevices {
      do throws(ReadFailure) {
        try source.readZram(index, into: &buffer)
      } catch {
        continue
      }
      if let device = try? ZramStat(parsing: buffer.bytes) { all = all + device }
    }
    if !all.isPossible(size: size, machine: reading.total) {
      reading.impossible.insert(.zram)
      all = ZramStat(stored: .zero, used: .zero)
    }
    let free = min(size - all.stored, reading.swapFree)
    reading.swapFree = reading.swapFree - free + all.relief(of: free)
  }

  private mutating func addArc<Source: ProcSource & ~Copyable>(
    _ reading: inout MemoryReading, _ meminfo: Meminfo, from source: inout Source
  ) {
    do throws(ReadFailure) {
      try source.read(.arcstats, into: &buffer)
    } catch {
      if error == .vanished { hasArc = false }
      return
    }
    guard let arc = try? ArcStats(parsing: buffer.bytes) else { return }
    guard let more = arc.reclaimable(on: meminfo, besides: reading.hugePool) else {
      reading.impossible.insert(.arc)
      return
    }
    reading.available = min(reading.available + more, reading.total)
    if let unnamed = reading.parts?.unnamed { reading.parts?.unnamed = unnamed - more }
  }
}

extension Thresholds {
  /// Whether a trigger needs the time lost to memory. The `thrash` trigger only judges better with it.
  fileprivate var wantsStall: Bool { stall != nil || thrash != nil }
}
