package import Pressure
package import ProcModel

/// Reads a domain's memory: only the files that its triggers need, and what is true of memory behind what the kernel
/// calls available.
package struct Sensors: Sendable {
  private var hasArc = true
  private var zramSize = KiB.zero
  /// The swap whose table was read last: it is read again when this changes.
  private var knownSwap: KiB?
  // The largest is vmstat, with 4 KiB on 6.18.
  private var buffer = ByteBuffer(capacity: 8 * 1024)

  /// Zram devices that are looked at; one is usual.
  private static let zramDevices: Int32 = 4

  package init() {}

  /// Why there is no reading.
  package enum Blindness: Error, Equatable {
    case unreadable
    case senseless
  }

  /// A source that a trigger needs and this machine does not have.
  package struct Missing: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
      self.rawValue = rawValue
    }

    package static let stall = Missing(rawValue: 1)
    package static let reclaim = Missing(rawValue: 2)
    /// Only makes triggers judge less well.
    package static let ownReclaim = Missing(rawValue: 4)
  }

  /// One look at the machine.
  ///
  /// - Parameters:
  ///   - thresholds: What it is to be judged by; nil where only its size is asked for.
  ///   - missing: Told what could not be had and switched its trigger off.
  package mutating func read<Source: ProcSource & ~Copyable>(
    for thresholds: Thresholds?, from source: inout Source, at now: Nanoseconds, missing: inout Missing
  ) throws(Blindness) -> MemoryReading {
    do throws(ReadFailure) {
      try source.read(.meminfo, into: &buffer)
    } catch {
      throw .unreadable
    }
    guard let meminfo = try? Meminfo(parsing: buffer.bytes), meminfo.total > .zero else { throw .senseless }
    var reading = MemoryReading(meminfo, at: now)
    if meminfo.swapTotal != knownSwap { learnSwap(meminfo.swapTotal, from: &source) }
    if zramSize > .zero { discountZram(&reading, from: &source) }
    if hasArc { addArc(&reading, from: &source) }
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

  /// One look at a cgroup, of which nothing need be there.
  ///
  /// - Parameters:
  ///   - path: As in `/proc/PID/cgroup`.
  ///   - machine: Read just now.
  package mutating func read<Source: ProcSource & ~Copyable>(
    cgroup path: Span<UInt8>, for thresholds: Thresholds, on machine: MemoryReading, from source: inout Source,
    missing: inout Missing
  ) throws(Blindness) -> MemoryReading {
    guard let memory = try cgroupMemory(path, for: thresholds, from: &source) else {
      throw .unreadable
    }
    var reading = MemoryReading(memory, on: machine)
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

  /// A look at a cgroup's usage alone, where that says enough: it holds less than half of what it may, so that no trigger
  /// is near, whatever of it could be taken back.
  ///
  /// - Parameter last: What was read of it a moment ago.
  /// - Returns: Nil where all has to be read.
  package mutating func glance<Source: ProcSource & ~Copyable>(
    cgroup path: Span<UInt8>, after last: MemoryReading, at now: Nanoseconds, from source: inout Source
  ) -> MemoryReading? {
    guard let usage = parse(.usage, ofCgroup: path, from: &source, CgroupAmount.self)?.amount,
      usage.count < last.total.count / 2
    else { return nil }
    return MemoryReading(
      time: now, total: last.total, available: last.total - usage, swapTotal: last.swapTotal, swapFree: last.swapFree)
  }

  /// Nil where the cgroup is not there.
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
    var memory = CgroupMemory(limit: limit(ofCgroup: path, from: &source), usage: usage, stat: stat)
    if thresholds.wantsStall { memory.ownReclaim = ownReclaim(ofCgroup: path, memory, from: &source) }
    if let above = stat.hierarchicalLimit { memory.limit = min(memory.limit ?? above, above) }
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

  /// - Parameter memory: With its own limit.
  private mutating func ownReclaim<Source: ProcSource & ~Copyable>(
    ofCgroup path: Span<UInt8>, _ memory: CgroupMemory, from source: inout Source
  ) -> UInt64? {
    if memory.limit != nil, let own = parse(.ownEvents, ofCgroup: path, from: &source, OwnLimitCount.self) {
      return own.count
    }
    return memory.stat.scans
  }

  /// The memory that a cgroup may have: its limit, or the line above which the kernel slows it down where that is
  /// lower. Nil where it has neither, or is not there.
  mutating func limit<Source: ProcSource & ~Copyable>(
    ofCgroup path: Span<UInt8>, from source: inout Source
  ) -> KiB? {
    let limit = parse(.limit, ofCgroup: path, from: &source, CgroupAmount.self)?.amount
    let high = parse(.high, ofCgroup: path, from: &source, CgroupAmount.self)?.amount
    guard let limit, let high else { return limit ?? high }
    return min(limit, high)
  }

  /// The cgroup that everything to be seen lives in, if its memory is limited: the lowest limit from process 1's cgroup
  /// up. A container's own; the machine's process 1 has none, and where process 1 is outside of what the source names, the
  /// limits that it shows are the agent's and nobody else's.
  ///
  /// - Returns: Its path, empty for the root; nil where there is no such limit. Allocates.
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

  private mutating func learnSwap<Source: ProcSource & ~Copyable>(_ total: KiB, from source: inout Source) {
    knownSwap = total
    do throws(ReadFailure) {
      try source.read(.swaps, into: &buffer)
    } catch {
      return
    }
    guard let table = try? SwapTable(parsing: buffer.bytes) else { return }
    zramSize = table.zramSize
  }

  /// Free swap on zram counts for what it would relieve: a page stored there takes memory too. How full the devices are
  /// is taken from what they hold, page for page.
  private mutating func discountZram<Source: ProcSource & ~Copyable>(
    _ reading: inout MemoryReading, from source: inout Source
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
    let free = min(zramSize - all.stored, reading.swapFree)
    reading.swapFree = reading.swapFree - free + all.relief(of: free)
  }

  private mutating func addArc<Source: ProcSource & ~Copyable>(
    _ reading: inout MemoryReading, from source: inout Source
  ) {
    do throws(ReadFailure) {
      try source.read(.arcstats, into: &buffer)
    } catch {
      hasArc = false
      return
    }
    guard let arc = try? ArcStats(parsing: buffer.bytes) else { return }
    reading.available = min(reading.available + arc.reclaimable, reading.total)
  }
}

extension Thresholds {
  /// Whether time lost to memory is to be read. The `thrash` trigger only judges better with it.
  fileprivate var wantsStall: Bool { stall != nil || thrash != nil }
}
