package import LinuxSystem
import Policy
package import ProcModel
import Record

/// The start and the end; and the service manager, which is told how the agent is: what is not as it was asked for is
/// said again and again.
extension Agent where M: ~Copyable {
  /// Tells that the agent began.
  package mutating func reportStart(version: String, _ privileges: Privileges, _ panic: PanicSettings?) {
    sayFallback()
    sayUnwritableCgroups()
    _ = readMemory(of: system, machine.now)
    reporter.report(
      StartEvent(
        version: version, policyName: supervision.mode.policy, fallback: supervision.fallback,
        context: context(of: system), roots: system.isCgroup ? chooser.survey.roots : nil, panic: panic,
        held: privileges.held, lacking: privileges.lacking))
  }

  /// Has only what is needed from here on in memory, and that for good.
  mutating func keepInMemory() {
    do throws(Errno) {
      try OwnProcess.keepCodeInUse()
    } catch {
      reporter.messages.say(.warning, "start-up code stays resident", error)
    }
    do throws(Errno) {
      try OwnProcess.lockMemoryOnFault()
    } catch {
      reporter.messages.say(.warning, "the agent's memory cannot be locked", error)
    }
  }

  /// Gives back what was changed, and tells that the agent stops.
  @inline(never)
  mutating func stop(_ signal: Signal) -> End {
    supervision.tellStopping()
    relief.finish(&machine, &reporter)
    tellOpenEpisodes()
    reporter.report(StopEvent(signal.name))
    flights?.end(&reporter, within: AgentTiming.lastWords)
    reporter.finish(within: AgentTiming.lastWords)
    return .byRequest
  }

  /// Gives back what was changed, where the agent cannot go on.
  package mutating func stopUnableToWait(_ reason: Errno) {
    relief.finish(&machine, &reporter)
    tellOpenEpisodes()
    reporter.messages.say(.error, "the agent cannot wait for events", reason)
    reporter.finish(within: AgentTiming.lastWords)
  }

  mutating func stopToBeArmed() -> End {
    reporter.messages.say(
      .warning, "the policy is whole again: the agent stops, for the service manager to start it armed")
    tellOpenEpisodes()
    reporter.report(StopEvent("to_be_armed"))
    return .toBeArmed
  }

  /// What does not depend on memory, each time the loop gets on.
  mutating func supervise(_ now: Nanoseconds) {
    supervision.feed(at: now)
    if supervision.isTimeToRepeat(now) { sayFallback() }
    reporter.tendRecord(now)
  }

  /// Says which fallback is in force, and that the agent is not armed though it should be.
  mutating func sayFallback() {
    let (mode, fallback, isDisarmed) = (supervision.mode, supervision.fallback, supervision.isDisarmed)
    guard fallback != nil || isDisarmed else { return }
    reporter.messages.say(.error) { line in
      line.append("NOT AS ASKED FOR: ")
      line.append(mode, fallback: fallback, isDisarmed: isDisarmed)
      line.append(fallback == nil ? "" : "; mend the policy: it is read again as soon as it changes")
    }
  }

  /// The policy that was asked for is in force now.
  mutating func leaveFallback() {
    let wasFallback = supervision.fallback != nil
    supervision.clearFallback()
    try? supervision.tell("")
    guard wasFallback else { return }
    reporter.messages.say(.notice, "the policy that was asked for is in force again")
    if supervision.isDisarmed, !supervision.isManaged {
      reporter.messages.say(.error, "STILL IN DRY RUN although armed was asked for: restart the agent to arm it")
    }
  }

  /// Whether the agent has to stop for the service manager to start it again, armed.
  ///
  /// What arms it was never made, and what it would take was given up at the start. In a dry run nothing is lost
  /// meanwhile.
  func isTimeToArm(at now: Nanoseconds) -> Bool {
    guard supervision.isDisarmed, supervision.isManaged, supervision.fallback == nil else { return false }
    return reload.keeper.isSettled(at: now)
  }
}
