package import ProcModel

/// The cgroups whose lost time counts in place of the machine's, because what must live is in them, and the sum of it.
///
/// Of several, the one counts that lost most since the last look. The counters of two cgroups have nothing to do with
/// each other, so what is given is a sum of steps: it goes on where a cgroup comes, goes or begins anew at zero.
package struct GuardedCgroups: Sendable {
  /// What a look can afford: each is a file more.
  package static let capacity = 8
  /// As long as a cgroup's path may be that a policy names.
  private static let longestPath = 1024

  private struct Entry {
    var key: UInt64 = 0
    var path = ByteBuffer(capacity: GuardedCgroups.longestPath)
    /// At the last look, where it could be read then.
    var last: StallTotals?
  }

  private var entries: [Entry] = []
  /// For `/proc/PID/cgroup` of a process in one that is to be added.
  package var file = ByteBuffer(capacity: 0)
  package private(set) var count = 0
  /// Whether it is known which these are: not before the first survey.
  package private(set) var isSettled = false
  /// The domain's own totals, which count while none of these can be read.
  private var lastOwn: StallTotals?
  private var lastTime = Nanoseconds.zero
  private var total: StallTotals?
  // Of the look under way.
  private var most = StallTotals(some: 0, full: 0)
  private var isAnyRead = false

  package init() {}

  // MARK: Which

  /// Forgets all, and takes memory for as many as there can be.
  package mutating func prepare() {
    self = GuardedCgroups()
    entries.reserveCapacity(GuardedCgroups.capacity)
    for _ in 0..<GuardedCgroups.capacity { entries.append(Entry()) }
    file = ByteBuffer(capacity: 8 * 1024)
  }

  package func contains(_ key: UInt64) -> Bool {
    for index in 0..<count where entries[index].key == key { return true }
    return false
  }

  /// Adds a cgroup of which nothing was read yet. Does nothing where there is no room, or where its path is too long.
  package mutating func add(_ key: UInt64, _ path: Span<UInt8>) {
    guard count < entries.count, path.count < GuardedCgroups.longestPath else { return }
    entries[count].key = key
    entries[count].path.fill(from: path)
    entries[count].last = nil
    count += 1
  }

  /// Adds the cgroup that accounts the memory of the process of ``file``, if it still has that key.
  package mutating func addFromFile(_ key: UInt64) {
    file.dropTornLine()
    let file = file
    guard let membership = try? CgroupMembership(parsing: file.bytes), membership.memoryKey == key,
      !membership.isMemoryOutside
    else { return }
    add(key, file.bytes.extracting(membership.memoryPath))
  }

  /// Leaves out those whose key is not wanted any more.
  package mutating func keep(where isWanted: (UInt64) -> Bool) {
    var kept = 0
    for index in 0..<count where isWanted(entries[index].key) {
      entries.swapAt(kept, index)
      kept += 1
    }
    count = kept
  }

  /// Says that these are all that there are now.
  package mutating func settle() { isSettled = true }

  func path(_ index: Int) -> ByteBuffer { entries[index].path }

  // MARK: What they lost

  mutating func begin() {
    most = StallTotals(some: 0, full: 0)
    isAnyRead = false
  }

  /// - Parameter totals: Nil where the file could not be read.
  mutating func take(_ totals: StallTotals?, of index: Int, at now: Nanoseconds) {
    if let totals {
      let step = GuardedCgroups.step(from: entries[index].last, to: totals, within: now - lastTime)
      most = StallTotals(some: max(most.some, step.some), full: max(most.full, step.full))
      isAnyRead = true
    }
    entries[index].last = totals
  }

  /// Ends a look.
  ///
  /// - Parameter own: The domain's own totals.
  /// - Returns: The sum; nil where there is nothing to go by. And whether it is that of guarded cgroups.
  mutating func finish(own: StallTotals?, at now: Nanoseconds) -> (totals: StallTotals?, isGuarded: Bool) {
    var step = most
    if !isAnyRead, let own { step = GuardedCgroups.step(from: lastOwn, to: own, within: now - lastTime) }
    lastOwn = own
    lastTime = now
    guard isAnyRead || own != nil else { return (nil, false) }
    // The sum begins where the domain's counter is, so that the first look is no step.
    let before = total ?? own ?? StallTotals(some: 0, full: 0)
    total =
      total == nil ? before : StallTotals(some: before.some &+ step.some, full: before.full &+ step.full)
    return (total, isAnyRead)
  }

  /// What was lost since the last look; nothing where that is not known, or cannot be.
  private static func step(
    from last: StallTotals?, to totals: StallTotals, within elapsed: Nanoseconds
  ) -> StallTotals {
    guard let last else { return StallTotals(some: 0, full: 0) }
    func step(_ from: UInt64, _ to: UInt64) -> UInt64 {
      StallTotals.canBeLost(from: from, to: to, within: elapsed) ? to - from : 0
    }
    return StallTotals(some: step(last.some, totals.some), full: step(last.full, totals.full))
  }
}

extension Sensors {
  /// Puts what the guarded cgroups lost in the place of what the domain lost.
  mutating func countGuarded<Source: ProcSource & ~Copyable>(
    in answer: inout MemoryAnswer, at now: Nanoseconds, from source: inout Source
  ) {
    guarded.begin()
    for index in 0..<guarded.count {
      let path = guarded.path(index)
      guarded.take(stalls(ofCgroup: path.bytes, from: &source), of: index, at: now)
    }
    let (totals, isGuarded) = guarded.finish(own: answer.reading.stall, at: now)
    answer.reading.stall = totals
    if isGuarded {
      answer.missing.remove(.stall)
    } else if guarded.isSettled {
      answer.missing.insert(.guarded)
    }
  }
}
