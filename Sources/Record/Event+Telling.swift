package import Ladder
import Policy
package import ProcModel

// How each event is told. What its line and its message say stands beside the Recorder's parts and the sentences.

extension StartEvent: Event {
  package func compose(in recorder: inout Recorder) -> Bool { recorder.compose(self) }
}

extension DecisionEvent: Event {
  package static var isOfAnIncident: Bool { true }
  package static var repetition: Repetition? { .decision }

  /// Each kill is told.
  package func isLeftOut(by folding: inout Folding, at now: Nanoseconds) -> Bool {
    act != .signalled && folding.leavesOut(decision: decision.incident, at: now)
  }

  package func compose(in recorder: inout Recorder) -> Bool { recorder.compose(self) }

  package func say(by reporter: inout Reporter) {
    // One that was abandoned has an outcome, which has a message.
    if act == .none, decision.victim != nil { return }
    reporter.say(of: decision.domain, in: decision.context.policy, decision.victim == nil ? .error : .warning) { line in
      line.append(decision, act)
    }
  }

  /// A line in the kernel's own form for the victim, and for each process that is killed with it.
  package func log(by reporter: inout Reporter) {
    guard act == .signalled, let victim = decision.victim else { return }
    let run = reporter.recorder.run
    reporter.writeKernelLine { line in
      line.append(kernelLineFor: victim.process, incident: decision.incident, of: run, decision.origin)
    }
    for index in 0..<decision.companions.count {
      reporter.writeKernelLine { line in
        line.append(kernelLineFor: decision.companions[index], incident: decision.incident, of: run, nil)
      }
    }
  }
}

extension EscalationEvent: Event {
  /// The outcome tells of it.
  package func compose(in recorder: inout Recorder) -> Bool { false }

  package func say(by reporter: inout Reporter) {
    reporter.messages.say(.warning) { line in line.append(escalation: victim, reason) }
  }
}

extension Outcome: Event {
  package static var isOfAnIncident: Bool { true }

  package func isLeftOut(by folding: inout Folding, at now: Nanoseconds) -> Bool {
    signal == nil && folding.hasLeftOut(incident.number)
  }

  package func compose(in recorder: inout Recorder) -> Bool { recorder.compose(self) }

  package func say(by reporter: inout Reporter) {
    reporter.say(of: incident.domain, in: incident.context.policy, ending.level) { line in line.append(self) }
  }
}

extension HookEvent: Event {
  package static var repetition: Repetition? { .step }

  /// What a hook did for a victim is told.
  package func isLeftOut(by folding: inout Folding, at now: Nanoseconds) -> Bool {
    var isRehearsed = false
    if case .rehearsed = outcome { isRehearsed = true }
    return (victim == nil || isRehearsed) && folding.leavesOut(.step, at: now)
  }

  package func compose(in recorder: inout Recorder) -> Bool { recorder.compose(self) }

  package func say(by reporter: inout Reporter) {
    reporter.messages.say(outcome.level) { line in line.append(self) }
  }
}

extension ReliefEvent: Event {
  package static var repetition: Repetition? { .step }

  package func isLeftOut(by folding: inout Folding, at now: Nanoseconds) -> Bool { folding.leavesOut(.step, at: now) }

  package func compose(in recorder: inout Recorder) -> Bool { recorder.compose(self) }

  package func say(by reporter: inout Reporter) {
    reporter.messages.say(outcome.level) { line in line.append(self) }
  }
}

extension LastResortEvent: Event {
  package func compose(in recorder: inout Recorder) -> Bool { recorder.compose(self) }

  package func say(by reporter: inout Reporter) {
    reporter.messages.say(outcome.level) { line in line.append(self) }
  }

  package func log(by reporter: inout Reporter) {
    // Level 2, critical.
    reporter.writeKernelLine { line in
      line.append("<2>spillwayd: ")
      line.append(self)
      line.append("\n")
    }
  }
}

extension ReloadEvent: Event {
  package func compose(in recorder: inout Recorder) -> Bool { recorder.compose(self) }

  package func say(by reporter: inout Reporter) {
    reporter.messages.say(level) { line in line.append(self) }
  }
}

extension StopEvent: Event {
  package func compose(in recorder: inout Recorder) -> Bool { recorder.compose(self) }
}
