import ProcModel

/// A message of the kernel about memory that ran out, in the words of Linux 2.2 to 6.x and of vendors' kernels
/// (mm/oom_kill.c, mm/memcontrol.c).
enum KernelMessage: Equatable, Sendable {
  /// `java invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0`. Each kill begins with it.
  case invoked(by: [UInt8], isManual: Bool)
  /// `oom-kill:constraint=CONSTRAINT_MEMCG,…,pid=1361510,uid=0`, since 4.19, before the kill.
  case constraint(ConstraintLine)
  /// `Task in /docker/ID killed as a result of limit of /docker/ID`, to 4.18.
  case limit(task: [UInt8], limited: [UInt8])
  /// `Out of memory: Kill process 2603 (app) score 761 or sacrifice child`, before the line of the one that dies.
  case chosen(isInControlGroup: Bool)
  /// `Tasks in /x are going to be killed due to memory.oom.group set`.
  case wholeGroup([UInt8])
  case killed(KilledLine)
  /// `Kernel panic - not syncing: Out of memory: …`: the words after the colon.
  case panicked([UInt8])

  init?(_ message: [UInt8]) {
    let cursor = TextCursor(message)
    if let found = KernelMessage.kill(cursor) ?? KernelMessage.chosen(cursor) ?? KernelMessage.context(cursor) {
      self = found
    } else {
      return nil
    }
  }

  // MARK: Before a kill

  private static func context(_ start: TextCursor) -> KernelMessage? {
    var cursor = start
    if cursor.take("oom-kill:constraint=") { return .constraint(ConstraintLine(cursor)) }
    if cursor.take("Task in "), let middle = cursor.find(" killed as a result of limit of ") {
      let task = cursor.text(upTo: middle)
      cursor.advance(by: " killed as a result of limit of ".utf8.count)
      return .limit(task: task, limited: Array(cursor.rest))
    }
    if cursor.take("Tasks in "),
      let end = cursor.findLast(" are going to be killed due to memory.oom.group set")
    {
      return .wholeGroup(cursor.text(upTo: end))
    }
    if cursor.take("Kernel panic - not syncing: ") {
      let isAboutMemory = cursor.find("ut of memory") == cursor.position + 1
      guard isAboutMemory || cursor.stands("System is deadlocked on memory", at: cursor.position) else { return nil }
      return .panicked(Array(cursor.rest))
    }
    // The name has at most 15 bytes, which a log may have escaped.
    guard let invoked = cursor.find(" invoked oom-killer: ", before: cursor.position + 90) else { return nil }
    let name = cursor.text(upTo: invoked)
    return .invoked(by: name, isManual: cursor.find(", order=-1,") != nil)
  }

  // MARK: The first of two lines

  private static func chosen(_ start: TextCursor) -> KernelMessage? {
    var cursor = start
    var isInControlGroup = false
    if cursor.take("Memory cgroup out of memory: ") {
      isInControlGroup = true
    } else {
      guard cursor.take("Out of memory: ") || cursor.take("Out of memory (oom_kill_allocating_task): ") else {
        return nil
      }
    }
    guard cursor.take("Kill process ") || cursor.take("kill process ") else { return nil }
    return .chosen(isInControlGroup: isInControlGroup)
  }

  // MARK: The kill

  private static func kill(_ start: TextCursor) -> KernelMessage? {
    var cursor = start
    var line = KilledLine()
    if cursor.take("VM: killing process ") {
      line.name = Array(cursor.rest)
      return .killed(line)
    }
    if cursor.take("Memory cgroup out of memory: ") {
      line.constraint = .controlGroup
    } else if cursor.take("Out of memory in UB ") {
      return openVZ(&cursor)
    } else if cursor.take("OOM killer in rage, ") {
      guard let count = cursor.number(), cursor.take(" tasks killed in ub ") else { return nil }
      line.count = count
      line.container = Array(cursor.rest)
      return .killed(line)
    } else if cursor.take("Out of memory: ") || cursor.take("Out of Memory: ")
      || cursor.take("Out of memory (oom_kill_allocating_task): ")
    {
      line.constraint = .machine
    }
    guard cursor.take("Killed process "), line.takeVictim(&cursor) else { return nil }
    line.takeSizes(&cursor)
    return .killed(line)
  }

  /// `Out of memory in UB 317592: OOM killed process 2946 (npm) score 0 vm:1506164kB, rss:237752kB, swap:120052kB`.
  private static func openVZ(_ cursor: inout TextCursor) -> KernelMessage? {
    var line = KilledLine()
    guard let end = cursor.find(": OOM killed process ", before: cursor.position + 64) else { return nil }
    line.container = cursor.text(upTo: end)
    cursor.advance(by: ": OOM killed process ".utf8.count)
    guard line.takeVictim(&cursor) else { return nil }
    line.takeSizes(&cursor)
    return .killed(line)
  }
}

/// What `Killed process …` says.
struct KilledLine: Equatable, Sendable {
  var pid: Int32?
  var name: [UInt8] = []
  var uid: UInt32?
  /// What the line's first words say; nil of a line without any, which is also written for control groups.
  var constraint: Constraint?
  /// OpenVZ's container.
  var container: [UInt8]?
  var count: UInt64 = 1
  var memory = VictimMemory()

  /// What stands right behind a name in one kernel or another.
  private static let followers = [
    ") total-vm:", ") vsz:", "), UID ", ").", ") score ", ") vm:", ") swap:",
  ]

  /// The longest name, 15 bytes, where a log has escaped each as four.
  private static let nameLimit = 60

  /// `2603 (app)`, or `10212, UID 0, (java)`, or `21945 (app), UID 1000,`.
  ///
  /// A name may hold anything, also what stands behind one: it ends where the last such text begins that leaves it no
  /// longer than a name can be.
  mutating func takeVictim(_ cursor: inout TextCursor) -> Bool {
    guard let number = cursor.number() else { return false }
    pid = Int32(clamping: number)
    if cursor.take(", UID ") {
      uid = cursor.number().map { UInt32(clamping: $0) }
      guard cursor.take(",") else { return false }
    }
    guard cursor.take(" (") else { return false }
    let limit = cursor.position + KilledLine.nameLimit
    let ends = KilledLine.followers.compactMap { cursor.findLast($0, before: limit + $0.utf8.count) }
    if let end = ends.max() {
      name = cursor.text(upTo: end)
    } else if cursor.bytes.last == UInt8(ascii: ")"), cursor.bytes.count - 1 <= limit {
      name = cursor.text(upTo: cursor.bytes.count - 1)
    } else {
      return false
    }
    cursor.advance()
    if cursor.take(", UID ") { uid = cursor.number().map { UInt32(clamping: $0) } }
    return true
  }

  /// `total-vm:6686908kB, anon-rss:647056kB, …, UID:1000 pgtables:5304kB oom_score_adj:300`, in whichever order.
  mutating func takeSizes(_ cursor: inout TextCursor) {
    while !cursor.isAtEnd {
      cursor.skipSeparators()
      if cursor.take("total-vm:") || cursor.take("vsz:") || cursor.take("vm:") {
        memory.virtual = cursor.size()
      } else if cursor.take("anon-rss:") || cursor.take("rss:") {
        memory.anonymous = cursor.size()
      } else if cursor.take("file-rss:") {
        memory.file = cursor.size()
      } else if cursor.take("shmem-rss:") {
        memory.shared = cursor.size()
      } else if cursor.take("pgtables:") {
        memory.pageTables = cursor.size()
      } else if cursor.take("swap:") {
        memory.swap = cursor.size()
      } else if cursor.take("UID:") {
        uid = cursor.number().map { UInt32(clamping: $0) }
      } else {
        cursor.skipField()
      }
    }
  }
}

extension TextCursor {
  /// `647056kB`; nil without digits.
  fileprivate mutating func size() -> KiB? {
    let count = number()
    _ = take("kB")
    return count.map { KiB($0) }
  }

  fileprivate mutating func skipSeparators() {
    while next == .space || next == UInt8(ascii: ",") || next == UInt8(ascii: ".") { advance() }
  }

  fileprivate mutating func skipField() {
    while let byte = next, byte != .space, byte != UInt8(ascii: ",") { advance() }
  }
}

/// What `oom-kill:constraint=…` says.
struct ConstraintLine: Equatable, Sendable {
  var constraint: Constraint
  /// Nil where there is no memory cgroup.
  var limited: [UInt8]?
  var taskGroup: [UInt8]?
  var pid: Int32?
  var uid: UInt32?

  /// - Parameter start: At the constraint's name.
  ///
  /// Control groups and tasks have names that may hold commas and the words of this line. The number and the user come
  /// last, so the last of these words counts; of the groups the first.
  init(_ start: TextCursor) {
    var cursor = start
    let name = cursor.text(upTo: cursor.find(",") ?? cursor.bytes.count)
    switch String(decoding: name, as: UTF8.self) {
    case "CONSTRAINT_CPUSET": constraint = .cpuset
    case "CONSTRAINT_MEMORY_POLICY": constraint = .memoryPolicy
    case "CONSTRAINT_MEMCG": constraint = .controlGroup
    default: constraint = .machine
    }
    var end = cursor.bytes.count
    if let place = cursor.findLast(",uid=") {
      uid = ConstraintLine.number(cursor, at: place + 5).map { UInt32(clamping: $0) }
      end = place
    }
    if let place = cursor.findLast(",pid=", before: end) {
      pid = ConstraintLine.number(cursor, at: place + 5).map { Int32(clamping: $0) }
      end = place
    }
    // The task's name has at most 15 bytes, which a log may have escaped as four each.
    cursor.move(to: max(cursor.position, end - 6 - 60))
    let task = cursor.find(",task=", before: end) ?? end
    cursor = start
    limited = ConstraintLine.group(cursor, [",oom_memcg=", ",origin_memcg="], before: task)
    taskGroup = ConstraintLine.group(cursor, [",task_memcg=", ",kill_memcg="], before: task)
    // Linux 5.0 named no constraint for a control group's limit.
    if limited != nil, constraint == .machine, cursor.find(",global_oom", before: task) == nil {
      constraint = .controlGroup
    }
  }

  private static func number(_ cursor: TextCursor, at place: Int) -> UInt64? {
    var cursor = cursor
    cursor.move(to: place)
    return cursor.number()
  }

  /// The path after the first of these names that is there, up to the next field of groups or the task.
  private static func group(_ cursor: TextCursor, _ names: [String], before end: Int) -> [UInt8]? {
    for name in names {
      guard let place = cursor.find(name, before: end) else { continue }
      var value = cursor
      value.move(to: place + name.utf8.count)
      let next = [",task_memcg=", ",kill_memcg="].compactMap { value.find($0, before: end) }.min()
      return value.text(upTo: next ?? end)
    }
    return nil
  }
}
