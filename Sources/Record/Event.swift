package import Ladder
package import LinuxSystem
package import Policy
package import ProcModel

/// Something that the agent tells of what it does. ``Reporter`` turns each event into a line of the record, a message
/// for people and, where a process is killed, lines in the kernel's log.
///
/// A protocol and not an enumeration: to copy one of all events took 45 kB of code in the small form.
package protocol Event {
  /// Whether it is a decision or what came of one, which a flight keeps.
  static var isOfAnIncident: Bool { get }
  /// Composes the line of the record.
  ///
  /// - Returns: Whether the event has one.
  func compose(in recorder: inout Recorder) -> Bool
  /// Says it to people, where it is for them.
  func say(by reporter: inout Reporter)
  /// Writes it to the kernel's log, where it is for that.
  func log(by reporter: inout Reporter)
  /// Posts it to the system's log, where it is for that.
  ///
  /// - Returns: Whether that has it.
  func post(by reporter: inout Reporter) -> Bool
  /// Of what it may be one of many; nil where each is told.
  static var repetition: Repetition? { get }
  /// Whether there are so many like it that it is not told, but in a flight.
  func isLeftOut(by folding: inout Folding, at now: Nanoseconds) -> Bool
}

extension Event {
  package static var isOfAnIncident: Bool { false }
  package func say(by reporter: inout Reporter) {}
  package func log(by reporter: inout Reporter) {}
  package func post(by reporter: inout Reporter) -> Bool { false }
  package static var repetition: Repetition? { nil }
  package func isLeftOut(by folding: inout Folding, at now: Nanoseconds) -> Bool { false }
}

/// A victim was chosen, or none could be.
package struct DecisionEvent: Sendable {
  package var decision: Decision
  package var act: Act

  package init(_ decision: Decision, _ act: Act) {
    self.decision = decision
    self.act = act
  }
}

/// A victim got SIGKILL after its first signal.
package struct EscalationEvent: Sendable {
  package var victim: Candidate
  package var reason: Escalation

  package init(_ victim: Candidate, _ reason: Escalation) {
    self.victim = victim
    self.reason = reason
  }
}

/// The agent stops.
package struct StopEvent: Sendable {
  package var reason: String

  package init(_ reason: String) {
    self.reason = reason
  }
}

/// What is done on a decision.
package enum Act: Equatable, Sendable {
  /// The first signal was sent.
  case signalled
  /// It would have been sent: this is a dry run.
  case rehearsed
  /// The hook `before` is asked first, for so long at most.
  case asksHook(limit: Nanoseconds)
  /// None: there is no victim, or its ``Outcome`` tells why it was left alone.
  case none
}

/// What the agent found when it began.
package struct StartEvent: Sendable {
  package var version: String
  /// The file of the policy in force, or what it is called.
  package var policyName: CPath
  /// What is in force in place of the policy that was asked for; nil where it is that.
  package var fallback: PolicyFallback?
  /// Of the system.
  package var context: ScoringContext
  /// The first is the container's own cgroup; nil where the system is the machine.
  package var roots: DomainRoots?
  /// Nil where it cannot be read.
  package var panic: PanicSettings?
  package var held: CapabilitySet
  package var lacking: CapabilitySet

  package init(
    version: String, policyName: CPath, fallback: PolicyFallback? = nil, context: ScoringContext, roots: DomainRoots?,
    panic: PanicSettings?, held: CapabilitySet, lacking: CapabilitySet
  ) {
    self.version = version
    self.policyName = policyName
    self.fallback = fallback
    self.context = context
    self.roots = roots
    self.panic = panic
    self.held = held
    self.lacking = lacking
  }
}

/// A program that the policy names was started and has exited, or was not started.
package struct HookEvent: Sendable {
  package var occasion: HookOccasion
  package var outcome: HookOutcome
  /// The name of the memory domain that was short; empty for the system.
  package var domain: ByteBuffer
  package var episode: UInt32
  /// The decision's number; 0 where there was none.
  package var incident: UInt32
  /// The victim's process number; nil at an occasion that has no victim.
  package var victim: Int32?
  /// Its path and arguments, a NUL after each.
  package var words: [UInt8]
  /// The first that it wrote.
  package var output: ByteBuffer

  package init(
    _ occasion: HookOccasion, _ outcome: HookOutcome, domain: ByteBuffer, episode: UInt32, incident: UInt32,
    victim: Int32?, words: [UInt8], output: ByteBuffer
  ) {
    self.occasion = occasion
    self.outcome = outcome
    self.domain = domain
    self.episode = episode
    self.incident = incident
    self.victim = victim
    self.words = words
    self.output = output
  }

  /// The path of the program.
  package var program: Span<UInt8> {
    @_lifetime(borrow self) get {
      var length = 0
      while length < words.count, words[length] != 0 { length += 1 }
      return words.span.extracting(0..<length)
    }
  }
}

/// A step of relief, in the system's shortage.
package struct ReliefEvent: Sendable {
  package var action: ReliefAction
  package var outcome: ReliefOutcome
  /// Its path; empty where none was found.
  package var cgroup: ByteBuffer
  /// The limit, or how much was asked for; nil where neither applies.
  package var value: KiB?
  package var episode: UInt32

  package init(_ action: ReliefAction, _ outcome: ReliefOutcome, cgroup: ByteBuffer, value: KiB?, episode: UInt32) {
    self.action = action
    self.outcome = outcome
    self.cgroup = cgroup
    self.value = value
    self.episode = episode
  }
}

/// A step of the last resort, in the system's shortage.
package struct LastResortEvent: Sendable {
  package var outcome: LastResortOutcome
  package var way: LastResortWay
  package var totals: EpisodeTotals

  package init(_ outcome: LastResortOutcome, _ way: LastResortWay, totals: EpisodeTotals) {
    self.outcome = outcome
    self.way = way
    self.totals = totals
  }
}

/// The policy was read again.
package enum ReloadEvent: Sendable {
  /// The policy in force stays, with so many rules, for this reason; for an image that is no policy the error has more.
  case refused(String, ImageError?, rules: Int, fallback: PolicyFallback?)
  case inForce(old: CompiledPolicy, new: CompiledPolicy, PolicyChanges)
}
