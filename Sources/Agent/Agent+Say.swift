import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

/// What the agent says to people beside its events.
extension Agent where M: ~Copyable {
  /// Says something of a domain, which is named where it is not the system.
  mutating func say(of domain: Domain, _ level: MessageLevel, _ write: (inout [UInt8]) -> Void) {
    reporter.say(of: domain.name, in: domain.policy, level, write)
  }

  mutating func sayOnce(_ topic: DomainNotice, of domain: Domain, _ level: MessageLevel, _ text: String) {
    if domain.isNew(topic) { say(of: domain, level) { line in line.append(text) } }
  }

  mutating func sayUnlisted() {
    if reporter.said.contains(.unreadableProcesses) { return }
    reporter.sayOnce(
      .unreadableProcesses, .error,
      lacksUptime
        ? "uptime cannot be read, without which no age is known: no process can be chosen until it can"
        : "processes cannot be listed: no victim can be chosen until they can")
  }

  /// Whether it is the clock of a captured tree that the survey lacks.
  private var lacksUptime: Bool {
    mutating get {
      guard machine.clock == nil else { return false }
      var buffer = ByteBuffer(capacity: 64)
      do throws(ReadFailure) {
        try machine.read(.uptime, into: &buffer)
      } catch {
        return true
      }
      return false
    }
  }

  mutating func sayUnread() {
    let tally = chooser.ranking.tally
    if tally.denied > 0 {
      reporter.sayOnce(.denied, .warning) { line in
        line.append(decimal: UInt64(tally.denied))
        line.append(" processes may not be read (hidepid, or a missing capability) and are never chosen")
      }
    }
    if tally.isHidden {
      reporter.sayOnce(
        .hidden, .warning, "process 1 is not to be seen: /proc hides processes (hidepid), and those are never chosen")
    }
    if tally.unknownCgroups > 0 {
      reporter.sayOnce(.unknownCgroups, .warning) { line in
        line.append(decimal: UInt64(tally.unknownCgroups))
        line.append(" processes are in cgroups that cannot be read: each counts to the domains of its nearest ancestor")
      }
    }
    if tally.unborn > 0 {
      sensors.countUnborn()
      reporter.sayOnce(.unborn, .warning) { line in
        line.append(decimal: UInt64(tally.unborn))
        line.append(" ")
        line.append(Impossible.meaning(Impossible.startTimeKind))
      }
    }
    if tally.malformed > 0 {
      reporter.sayOnce(.malformed, .warning) { line in
        line.append(decimal: UInt64(tally.malformed))
        line.append(" process files made no sense, and what they tell is left out")
      }
    }
  }

  /// What the agent sees while there is nothing to do.
  @inline(never)
  mutating func sayCalm(_ verdict: Verdict) {
    rank(in: 0, by: context(of: system), verdict.reading.time)
    let list = chooser.ranking.shortlist
    let impossible = sensors.impossible
    reporter.messages.say(.info) { line in
      line.append(verdict.level.name)
      line.append(": available ")
      line.append(verdict.reading.available)
      line.append(" of ")
      line.append(verdict.reading.total)
      if verdict.reading.hugePool > .zero {
        line.append(" beside ")
        line.append(verdict.reading.hugePool)
        line.append(" of huge pages")
      }
      line.append(", floor ")
      line.append(verdict.lines.floorAvailable)
      line.append("; ")
      line.append(decimal: UInt64(list.considered))
      line.append(" processes, ")
      line.append(decimal: UInt64(list.protected))
      line.append(" protected, ")
      line.append(decimal: UInt64(list.tooSmall))
      line.append(" too small; ")
      if let victim = list.victim {
        line.append("first candidate: ")
        line.append(victim.process)
        line.append(" with ")
        line.append(victim.process.footprint)
      } else {
        line.append("no candidate")
      }
      line.append(impossible)
    }
  }
}
