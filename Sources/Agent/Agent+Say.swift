import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import Record

/// What the agent tells people about its decisions, and the kernel's log about its kills.
extension Agent where Source: ~Copyable, Hand: ~Copyable {
  /// Says something of a domain, which is named where it is not the system.
  mutating func say(of number: Int, _ level: MessageLevel, _ write: (inout [UInt8]) -> Void) {
    let name = watches[number].name
    let policy = judge.policy
    messages.say(level) { line in
      if let name {
        line.append("domain ")
        line.append(visible: policy.bytes(name))
        line.append(": ")
      }
      write(&line)
    }
  }

  mutating func sayDecision(
    _ number: Int, _ verdict: Verdict, _ victim: Candidate, _ signal: Signal, isRehearsed: Bool
  ) {
    let party = party
    say(of: number, .warning) { line in
      line.append(isRehearsed ? "would send " : "sent ")
      line.append(signal.name)
      line.append(" to ")
      line.append(victim.process)
      line.append(party: party)
      line.append(", footprint ")
      line.append(party.members.count > 1 ? party.footprint : victim.process.footprint)
      line.append(", score ")
      line.append(decimal: victim.score.rounded())
      line.append("; ")
      line.append(reason: verdict)
    }
  }

  mutating func sayNoCandidate(_ number: Int, _ verdict: Verdict) {
    let list = shortlist
    say(of: number, .error) { line in
      line.append("NOBODY CAN BE ENDED: of ")
      line.append(decimal: UInt64(list.considered))
      line.append(" processes ")
      line.append(decimal: UInt64(list.protected))
      line.append(" are protected, ")
      line.append(decimal: UInt64(list.tooSmall))
      line.append(" too small, ")
      line.append(decimal: UInt64(list.passedOver))
      line.append(" were tried in vain; ")
      line.append(reason: verdict)
    }
  }

  mutating func sayEscalation(_ victim: Candidate, _ reason: Escalation) {
    messages.say(.warning) { line in
      line.append("sent SIGKILL to ")
      line.append(victim.process)
      switch reason {
      case .graceEnded: line.append(": it did not end within its grace")
      case .memoryWorsened: line.append(": memory went on falling")
      case .cannotHeed: line.append(": a tracer or a frozen cgroup keeps it from ending by itself")
      case .neededElsewhere: line.append(": its memory is needed beyond its domain too")
      }
    }
  }

  mutating func sayOutcome(
    _ number: Int, _ victim: Candidate, _ ending: Ending, after: Nanoseconds, _ verdict: Verdict,
    _ oneByOne: OneByOne? = nil, _ yield: Yield? = nil
  ) {
    say(of: number, ending.level) { line in
      line.append(victim.process)
      switch ending {
      case .exited: line.append(" ended after SIGTERM")
      case .killed: line.append(" ended after SIGKILL")
      case .stuck: line.append(" does not die of SIGKILL; the next is chosen")
      case .vanished: line.append(" had ended before it was signalled")
      case .changed: line.append(" is another process by now and was left alone")
      case .relieved: line.append(" was spared: memory came back")
      case .refused: line.append(" may not be signalled; the next is chosen")
      case .sharesProtected: line.append(" has the memory of a protected process too; the next is chosen")
      }
      if ending == .exited || ending == .killed {
        line.append(", ")
        line.append(decimal: after.milliseconds)
        line.append(" ms; available ")
        line.append(verdict.reading.available)
      }
      if let oneByOne {
        line.append("; ")
        line.append(oneByOne)
      }
      if let yield {
        line.append("; ")
        line.append(yield)
      }
    }
  }

  /// A line in the kernel's own form for the victim, when its first signal is sent, and for each who goes with it.
  mutating func writeKernelLines(_ victim: ProcessFacts) {
    writeKernelLine(victim)
    for member in party.members.prefix(AgentPace.kernelLines).dropFirst() {
      writeKernelLine(table.rows[Int(member.row)])
    }
  }

  private mutating func writeKernelLine(_ process: ProcessFacts) {
    writeKernelLine { line in line.append(kernelLineFor: process) }
  }

  mutating func writeKernelLine(_ write: (inout [UInt8]) -> Void) {
    kernelLine.removeAll(keepingCapacity: true)
    write(&kernelLine)
    kernelLog.write(kernelLine)
  }
}
