package import Flight
import Ladder
import LinuxSystem
package import Policy
package import ProcModel

/// The one place that turns an ``Event`` into what is told of it: a line of the record, a message for people, and where
/// a process is killed a line in the kernel's log. None of the three waits for another.
package struct Reporter: ~Copyable {
  package var recorder: Recorder
  package var messages: Messages
  /// Of `/dev/kmsg`, where the agent is armed and may write it.
  package var kernelLog: KernelLog
  /// The journal or a syslog, where kills are looked for.
  package var systemLog = SystemLog()
  /// Nil where every event is told, as in a replay.
  package var folding: Folding?
  private var kernelLine: [UInt8] = []
  /// Nil once the record's file is open, and where there is none.
  var recordOpening: RecordOpening?
  /// The number of the last decision that was told.
  package var decisions: UInt32 = 0
  package internal(set) var said: NoticeOnce = []
  /// Which keeps the lines of decisions and outcomes; nil where none is recorded.
  package var flight: SharedFlight?
  /// Whether a decision or an outcome was told of since this was taken back.
  package var hasToldOfIncident = false

  /// - Parameters:
  ///   - kernelLog: Nil writes nothing there.
  ///   - recordOpening: Where the record's file could not be opened yet.
  package init(
    recorder: consuming Recorder, messages: consuming Messages, kernelLog: consuming KernelLog?,
    recordOpening: consuming RecordOpening? = nil
  ) {
    self.recorder = recorder
    self.messages = messages
    self.recordOpening = recordOpening
    switch consume kernelLog {
    case .some(let log): self.kernelLog = log
    case .none: self.kernelLog = KernelLog(nil)
    }
    kernelLine.reserveCapacity(1024)
  }

  package mutating func report<E: Event>(_ event: E) {
    event.log(by: &self)
    let isLeftOut = leavesOut(event)
    let hasLine = event.compose(in: &recorder)
    // A flight has all of them, so that its replay compares each: as composed, since what was lost or left out before is not
    // of the run.
    if hasLine, E.isOfAnIncident, let flight {
      flight.recorder.decision(recorder.line, at: flight.recorder.time)
      hasToldOfIncident = true
    }
    if isLeftOut { return }
    let folded = takeFolded(E.repetition)
    if hasLine { recorder.write(folded: folded) }
    if folded > 0 { say(folded: folded) }
    // Never twice in one journal.
    let isPosted = event.post(by: &self)
    if !isPosted || !messages.isForJournal { event.say(by: &self) }
  }

  /// Goes through what is told of an event, and tells nothing: so that its code and memory are in place when they are needed.
  package mutating func rehearse<E: Event>(_ event: E) {
    recorder.prepare(event)
    systemLog.rehearse(true)
    _ = event.post(by: &self)
    systemLog.rehearse(false)
  }

  private mutating func leavesOut<E: Event>(_ event: E) -> Bool {
    guard var rules = folding else { return false }
    let isLeftOut = event.isLeftOut(by: &rules, at: recorder.now)
    folding = rules
    return isLeftOut
  }

  private mutating func takeFolded(_ kind: Repetition?) -> UInt64 {
    guard let kind else { return 0 }
    return folding?.takeFolded(kind) ?? 0
  }

  private mutating func say(folded: UInt64) {
    messages.say(.notice) { line in
      line.append("before this one, ")
      line.append(decimal: folded)
      line.append(" like it were left out: memory trembles about its line")
    }
  }

  /// Tells of a decision, whose number is used from here on. While no process can be killed, decisions are made on and
  /// on and told of once.
  package mutating func tell(_ decision: Decision, _ act: Act) {
    decisions = decision.incident
    report(DecisionEvent(decision, act))
  }

  /// Says something of a memory domain, which is named where it is not the system.
  ///
  /// - Parameter domain: Its name in the policy's text; nil for the system.
  package mutating func say(
    of domain: Slice?, in policy: CompiledPolicy, _ level: MessageLevel, _ write: (inout [UInt8]) -> Void
  ) {
    messages.say(level) { line in
      if let domain {
        line.append("domain ")
        line.append(visible: policy.bytes(domain))
        line.append(": ")
      }
      write(&line)
    }
  }

  mutating func writeKernelLine(_ write: (inout [UInt8]) -> Void) {
    kernelLine.removeAll(keepingCapacity: true)
    write(&kernelLine)
    kernelLog.write(kernelLine)
  }

  /// Tells by one output what another loses.
  package mutating func tellLostLines() {
    if let reason = recorder.sink.news() {
      messages.say(.error) { line in
        line.append("records are lost, and the next one that can be written tells how many: ")
        line.append(reason.text)
      }
    }
    if let reason = recorder.sink.newsOfGrowth() {
      messages.say(.error) { line in
        line.append("the record grows beyond its limit, since it cannot be followed by a new file: ")
        line.append(reason.text)
      }
    }
    if let reason = messages.sink.news() { recorder.lost("messages", reason) }
    if let reason = systemLog.sink.news() {
      messages.say(.warning) { line in
        line.append("entries for the system's log are lost, and the next one that can be posted tells how many: ")
        line.append(reason.text)
      }
    }
    if let reason = kernelLog.sink.news() {
      messages.say(.warning) { line in
        line.append("lines for the kernel's log are lost, and the next one that can be written tells how many: ")
        line.append(reason.text)
      }
    }
  }

  /// Waits for what is not written yet, for so long at most. Lines that are left then get out without the agent.
  package mutating func finish(within patience: Nanoseconds) {
    let end = Clock.sinceBoot() &+ patience.count
    tellLostLines()
    recorder.sink.wait(milliseconds: Reporter.left(until: end))
    messages.sink.wait(milliseconds: Reporter.left(until: end))
    kernelLog.sink.wait(milliseconds: Reporter.left(until: end))
  }

  private static func left(until end: UInt64) -> Int32 {
    let now = Clock.sinceBoot()
    return end > now ? Int32(clamping: (end - now) / 1_000_000) : 0
  }
}
