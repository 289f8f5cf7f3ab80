/// Statements of kernel files that cannot be true, as a set of kinds. A counter may have wrapped, or a container's
/// files (lxcfs(1)) may stand beside the machine's.
///
/// Such a statement is not believed. What counts in its place never makes memory look scarcer than it may be known to
/// be.
package struct Impossible: OptionSet, Sendable {
  package let rawValue: UInt16

  package init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// More memory is available than there is.
  package static let available = Impossible(rawValue: 1 << 0)
  /// The pool of huge pages does not fit beside available memory.
  package static let hugePages = Impossible(rawValue: 1 << 1)
  /// There is swap that `/proc/swaps` does not list, or more than any machine can have.
  package static let swapTotal = Impossible(rawValue: 1 << 2)
  /// More swap is free than there is.
  package static let swapFree = Impossible(rawValue: 1 << 3)
  /// ZFS's cache is larger than the memory in use.
  package static let arc = Impossible(rawValue: 1 << 4)
  /// A compressed swap device holds more than its size, or takes more memory than the machine has.
  package static let zram = Impossible(rawValue: 1 << 5)
  /// A cgroup holds more than its limit, holds more swap than the machine has, or can give back more than it holds.
  package static let cgroup = Impossible(rawValue: 1 << 6)
  /// The counter of time lost to memory ran backwards, or faster than time.
  package static let stall = Impossible(rawValue: 1 << 7)
  /// Counters of reclaim ran backwards.
  package static let reclaim = Impossible(rawValue: 1 << 8)
  /// A process started in the future.
  package static let startTime = Impossible(rawValue: 1 << 9)

  // A literal of two kinds makes an array on the heap wherever the compiler does not fold it, so the sets that a tick
  // needs have names.

  /// The kinds that show only beside an earlier reading.
  package static let betweenReadings = Impossible(rawValue: stall.rawValue | reclaim.rawValue)
  /// The kinds that make the figures of swap worthless.
  package static let swap = Impossible(rawValue: swapTotal.rawValue | swapFree.rawValue)

  /// The number of kinds. Kind `n` is bit `n`.
  package static let kinds = 10

  /// The kind ``startTime``.
  package static let startTimeKind = 9

  /// Returns the kind's name in records.
  ///
  /// - Parameter kind: A number below ``kinds``.
  package static func name(_ kind: Int) -> String {
    switch kind {
    case 0: "available"
    case 1: "huge_pages"
    case 2: "swap_total"
    case 3: "swap_free"
    case 4: "arc"
    case 5: "zram"
    case 6: "cgroup"
    case 7: "stall"
    case 8: "reclaim"
    default: "start_time"
    }
  }

  /// Returns a sentence that says what is not believed, and what counts instead.
  ///
  /// - Parameter kind: A number below ``kinds``.
  package static func meaning(_ kind: Int) -> String {
    switch kind {
    case 0: "meminfo says that more memory is available than there is; what its other lines tell counts instead"
    case 1: "meminfo tells of a pool of huge pages that does not fit beside available memory; the pool is not counted"
    case 2: "meminfo tells of swap that /proc/swaps does not list, or of more than can be; only listed swap counts"
    case 3: "more swap is said to be free than there is; what /proc/swaps leaves free counts instead, or else none"
    case 4: "the cache of ZFS is said to be larger than the memory in use, as another machine's is; it is not counted"
    case 5: "a zram device is said to hold more than it can; its free swap counts for half"
    case 6: "the cgroup's files contradict each other; the number that cannot be is not counted"
    case 7: "the account of stalls ran backwards or faster than time; windows with such a step are not judged"
    case 8: "counters of reclaim ran backwards; windows with such a step are not judged"
    default: "processes are said to have started in the future; their age counts as unknown"
    }
  }

  package func contains(kind: Int) -> Bool { rawValue & (1 << UInt16(kind)) != 0 }
}

/// The number of readings since the start at which each kind was met.
package struct ImpossibleCounts: Equatable, Sendable {
  private var counts = InlineArray<10, UInt32>(repeating: 0)

  package init() {}

  /// - Parameter kind: A number below ``Impossible/kinds``.
  package subscript(kind: Int) -> UInt32 { counts[kind] }

  package var isEmpty: Bool {
    for kind in 0..<Impossible.kinds where counts[kind] > 0 { return false }
    return true
  }

  package mutating func count(_ met: Impossible) {
    guard !met.isEmpty else { return }
    for kind in 0..<Impossible.kinds where met.contains(kind: kind) && counts[kind] < .max { counts[kind] += 1 }
  }

  package static func == (left: ImpossibleCounts, right: ImpossibleCounts) -> Bool {
    for kind in 0..<Impossible.kinds where left.counts[kind] != right.counts[kind] { return false }
    return true
  }
}
