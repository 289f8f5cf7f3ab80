/// Joins the lines that the kernel writes of one kill, in the order in which it writes them. The kernel kills for one
/// shortage at a time (`oom_lock`), so its lines of two are never mixed.
struct KernelKills {
  /// What is known of the shortage whose lines are being read.
  private struct Shortage {
    var told = PastShortage()
    var constraint: ConstraintLine?
    /// The groups of `Task in … killed as a result of limit of …`.
    var task: [UInt8]?
    var isChosenInControlGroup = false
    var isChosen = false
    var killed: Set<Int32> = []
    var group: [UInt8]?
    /// Whether a victim was told of: what follows is of the next shortage, but for the rest of a group.
    var isSpent = false
    var time: PastTime
  }

  private var shortage: Shortage?

  /// After so many milliseconds a line is of another shortage. The kernel writes all lines of one at once, but a console
  /// may take its time.
  private static let patience: Int64 = 20_000

  /// - Returns: The kill that the line completes; nil for any other line.
  mutating func take(_ message: KernelMessage, _ line: LogLine, from origins: Origins) -> PastKill? {
    if let shortage, KernelKills.isOver(shortage.time, line.time) { self.shortage = nil }
    switch message {
    case .invoked(let name, let isManual):
      shortage = Shortage(time: line.time)
      shortage?.told.invoker = name
      shortage?.told.isManual = isManual
    case .constraint(let constraint):
      begin(line, isNew: true)
      shortage?.constraint = constraint
      shortage?.told.constraint = constraint.constraint
      shortage?.told.limited = constraint.constraint == .controlGroup ? constraint.limited : nil
    case .limit(let task, let limited):
      begin(line, isNew: true)
      shortage?.task = task
      shortage?.told.constraint = .controlGroup
      shortage?.told.limited = limited
    case .chosen(let isInControlGroup):
      begin(line, isNew: true)
      shortage?.isChosen = true
      shortage?.isChosenInControlGroup = isInControlGroup
    case .wholeGroup(let group):
      begin(line, isNew: false)
      shortage?.group = group
    case .killed(let killed):
      begin(line, isNew: shortage?.group == nil)
      return kill(killed, line, origins)
    case .panicked(let words):
      var panic = PastKill(line.time, by: .kernel, .panicked, PastVictim(), from: origins, isProven: line.isProven)
      panic.reason = words
      panic.shortage = shortage?.told ?? PastShortage()
      shortage = nil
      return panic
    }
    return nil
  }

  /// - Parameter isNew: Whether the line is of the next shortage where the last has had its victim: the kernel leaves
  ///   the first lines out where it kills often (`oom_rs`).
  private mutating func begin(_ line: LogLine, isNew: Bool) {
    if shortage == nil || (isNew && shortage?.isSpent == true) { shortage = Shortage(time: line.time) }
    shortage?.time = line.time
  }

  private static func isOver(_ then: PastTime, _ now: PastTime) -> Bool {
    if let then = then.sinceBoot, let now = now.sinceBoot {
      return now < then || now - then > UInt64(patience) * 1000
    }
    if let then = then.wall, let now = now.wall { return now.since(then).magnitude > patience }
    return false
  }

  private mutating func kill(_ killed: KilledLine, _ line: LogLine, _ origins: Origins) -> PastKill? {
    guard var shortage else { return nil }
    if let pid = killed.pid {
      // All of a group are killed, the first victim once more.
      guard shortage.killed.insert(pid).inserted else {
        self.shortage = shortage
        return nil
      }
    }
    var victim = PastVictim(pid: killed.pid, name: killed.name, uid: killed.uid)
    victim.count = killed.count
    var told = shortage.told
    if let constraint = killed.constraint {
      // A whole cpuset's shortage has the same first words as the machine's.
      if constraint == .controlGroup || told.constraint == nil { told.constraint = constraint }
    } else if shortage.isChosen {
      if shortage.isChosenInControlGroup {
        told.constraint = .controlGroup
      } else if told.constraint == nil {
        told.constraint = .machine
      }
    }
    if let container = killed.container {
      told.constraint = .controlGroup
      told.limited = container
      victim.name = killed.name.isEmpty ? nil : killed.name
    }
    if let group = shortage.group {
      told.isWholeGroup = true
      victim.cgroup = group
    }
    if let constraint = shortage.constraint, constraint.pid == killed.pid {
      victim.cgroup = constraint.taskGroup ?? victim.cgroup
      victim.uid = victim.uid ?? constraint.uid
    } else if let task = shortage.task, victim.cgroup == nil {
      victim.cgroup = task
    }
    victim.unit = victim.cgroup.flatMap(UnitName.of(cgroup:))
    var kill = PastKill(line.time, by: .kernel, .killed, victim, from: origins, isProven: line.isProven)
    kill.memory = killed.memory
    kill.shortage = told
    shortage.isChosen = false
    shortage.isSpent = true
    self.shortage = shortage
    return kill
  }
}
