import Policy
package import ProcModel
import Record

/// Which other killers were looked for, and which have been told of.
package struct KillerWatch: Sendable {
  /// Not warned of: an agent in dry run is there to look at what the armed one beside it does.
  private let expected: OtherKiller?
  private var told: UInt8 = 0
  private var dueAt = Nanoseconds.zero
  private var looks = 0

  /// What starts beside the agent at boot may start after it; a killer may be installed at any time.
  private static let second = Nanoseconds.milliseconds(60_000)
  private static let later = Nanoseconds.milliseconds(3_600_000)

  package init(expecting expected: OtherKiller? = nil) {
    self.expected = expected
  }

  /// Whether it is time to look; sets the next time.
  mutating func isDue(at now: Nanoseconds) -> Bool {
    guard looks == 0 || now >= dueAt else { return false }
    dueAt = now + (looks == 0 ? KillerWatch.second : KillerWatch.later)
    looks = 1
    return true
  }

  /// Whether a killer has not been told of yet.
  mutating func tells(of killer: OtherKiller) -> Bool {
    let bit: UInt8 = 1 << killer.rawValue
    guard told & bit == 0 else { return false }
    told |= bit
    return true
  }

  /// Warns of other killers among the processes of a survey of all, each once.
  ///
  /// - Parameters:
  ///   - own: The agent's process number.
  ///   - mayWait: Whether files may be read that can wait for their process's memory.
  mutating func advance<M: Machine & ~Copyable>(
    _ now: Nanoseconds, _ table: ProcessTable, besides own: Int32, mayWait: Bool, _ machine: inout M,
    _ reporter: inout Reporter
  ) {
    guard isDue(at: now) else { return }
    for row in table.rows.indices {
      let process = table.rows[row]
      guard let killer = OtherKiller(process), process.identity.pid != own, killer != expected,
        KillerWatch.isReally(killer, process.identity.pid, mayWait: mayWait, on: &machine), tells(of: killer)
      else { continue }
      reporter.messages.say(.warning) { line in
        line.append("ANOTHER KILLER RUNS: ")
        line.append(process)
        line.append(": ")
        line.append(killer.advice)
      }
    }
  }

  private static func isReally<M: Machine & ~Copyable>(
    _ killer: OtherKiller, _ pid: Int32, mayWait: Bool, on machine: inout M
  ) -> Bool {
    var buffer = ByteBuffer(capacity: 4096)
    if (try? machine.read(.exe, of: pid, into: &buffer)) != nil, !killer.hasProgram(buffer.bytes) { return false }
    guard mayWait, (try? machine.read(.cmdline, of: pid, into: &buffer)) != nil else { return true }
    return !killer.isHarmless(buffer.bytes)
  }
}
