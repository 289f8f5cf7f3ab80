import Pressure
import ProcModel

/// Reads a domain's memory: only the files that the policy's triggers need, and what is true of memory behind what the
/// kernel calls available.
struct Sensors: Sendable {
  /// Which files are read at each look.
  private var wantsStall = false
  /// Whether a trigger is off without it. The `thrash` trigger only judges better with it.
  private var needsStall = false
  private var wantsReclaim = false
  private var hasArc = true
  private var zramSize = KiB.zero
  /// The swap whose table was read last: it is read again when this changes.
  private var knownSwap: KiB?
  private var buffer = ByteBuffer(capacity: 16 * 1024)

  /// Zram devices that are looked at; one is usual.
  private static let zramDevices: Int32 = 4

  /// Why there is no reading.
  enum Blindness: Error, Equatable {
    case unreadable
    case senseless
  }

  /// A source that a trigger needs and this machine does not have.
  struct Missing: OptionSet, Sendable {
    let rawValue: UInt8

    static let stall = Missing(rawValue: 1)
    static let reclaim = Missing(rawValue: 2)
  }

  /// Takes note of what a policy's triggers need.
  mutating func serve(_ thresholds: Thresholds) {
    needsStall = thresholds.stall != nil
    wantsStall = needsStall || thresholds.thrash != nil
    wantsReclaim = thresholds.thrash != nil
  }

  /// One look.
  ///
  /// - Parameter missing: Told what could not be had and switched its trigger off.
  mutating func read<Source: ProcSource & ~Copyable>(
    from source: inout Source, at now: Nanoseconds, missing: inout Missing
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
    if wantsStall {
      if let file = parse(.memoryPressure, from: &source, PressureStall.self) {
        reading.stall = StallTotals(file)
      } else if needsStall {
        missing.insert(.stall)
      }
    }
    if wantsReclaim {
      if let file = parse(.vmstat, from: &source, VMStat.self), let totals = ReclaimTotals(file) {
        reading.reclaim = totals
      } else {
        missing.insert(.reclaim)
      }
    }
    return reading
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
