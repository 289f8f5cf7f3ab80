package import LinuxSystem
package import ProcModel

/// Whether a chosen process is still the one that was chosen.
package enum Hold: Equatable, Sendable {
  case held
  /// It ended before it could be held.
  case vanished
  /// Its number belongs to another process now.
  case changed
  /// The kernel refused, for this reason.
  case refused(Errno)
}

/// What became of a signal.
package enum Delivery: Equatable, Sendable {
  case sent
  /// Nothing was sent: this is a rehearsal.
  case rehearsed
  case vanished
  case refused(Errno)
}

/// How many of a party a signal reached.
package struct Reach: Equatable, Sendable {
  package var sent = 0
  /// Whether a process group or a cgroup got it in one step, however many were in it.
  package var isWhole = false
  /// Ended before it came.
  package var vanished = 0
  package var refused = 0
  /// Why the first of these was refused.
  package var refusal: Errno?
  /// Why what may go whole was signalled process by process; nil where it was not, or there is no such whole.
  package var oneByOne: OneByOne?

  package init() {}

  /// The party's: sent where one got it, else refused where one was, else there was nobody.
  package var delivery: Delivery {
    if sent > 0 || isWhole { return .sent }
    if let refusal { return .refused(refusal) }
    return .vanished
  }
}

/// How a process's memory relates to the victim's.
package enum MemoryKinship: Equatable, Sendable {
  case shares
  case separate
  /// It cannot be told: one of them is gone, or the kernel does not say.
  case unknown(Errno)
}

/// The hand at the foot of the ladder: the one place at which a dry run differs from a real one.
///
/// It holds a *party*: the process chosen, and those that go with it.
package protocol Actuator: ~Copyable {
  /// Lets go of the last party, takes hold of a process as the leader of a new one, and makes sure that it is the one
  /// meant.
  mutating func hold(_ identity: ProcessIdentity) -> Hold
  /// Takes hold of one more.
  ///
  /// - Returns: Also `refused(.tooManyFiles)` where the party is full; 512 are held at most, the leader among them.
  mutating func join(_ identity: ProcessIdentity) -> Hold
  /// Says that the whole of a process group may go, which one of the party leads: a signal then reaches those too that it
  /// forks meanwhile. Where none of them does, nothing comes of it.
  mutating func takeGroup(_ number: Int32)
  /// Gives the party a cgroup that may go whole, so that SIGKILL ends whoever is in it, or comes into it.
  mutating func take(_ cgroup: consuming CgroupDirectory)
  /// Signals the party. Whoever has ended meanwhile is no failure.
  ///
  /// What may go whole is listed at this time, and each process in it that is no member is asked about: only where all of
  /// them may go is it signalled in one step, and else the members and those that may go, one by one.
  ///
  /// - Parameter ask: What is to be done with the process that has this number. It reads what it tells from the process's
  ///   own files, which the hand checks to have been of the process it then signals.
  mutating func send(_ signal: Signal, asking ask: (Int32) -> Clearance) -> Delivery
  /// What the last signal came to, member by member.
  var reach: Reach { get }
  /// Whether all of the party have ended.
  var hasExited: Bool { mutating get }
  /// A descriptor that becomes readable when one of those that still live ends; nil when none does.
  var exitDescriptor: Int32? { mutating get }
  /// After SIGKILL: ends whoever has come into the party's cgroup since and may go, and has the memory of the dying given
  /// back. May be called as often as one likes.
  mutating func reap(asking ask: (Int32) -> Clearance)
  /// What giving memory back came to; nil where it is under way, or cannot be done here.
  var released: HelperResult? { mutating get }
  /// Why the party, or the first of it that still lives, has not ended.
  mutating func examine() -> Standstill
  /// Sets those free whom a frozen cgroup keeps from dying. Whether there was one that could be.
  mutating func thaw() -> Bool
  /// Whether that process has the leader's memory: killing the leader alone would then give nothing back.
  mutating func kinship(_ identity: ProcessIdentity) -> MemoryKinship
  /// Lets go of the party.
  mutating func release()
  /// A further hand, which holds nobody yet.
  func another() throws(Errno) -> Self
}

/// Ends nobody.
package struct RehearsalActuator: Actuator, ~Copyable {
  package init() {}

  package mutating func hold(_ identity: ProcessIdentity) -> Hold { .held }
  package mutating func join(_ identity: ProcessIdentity) -> Hold { .held }
  package mutating func takeGroup(_: Int32) {}
  package mutating func take(_ cgroup: consuming CgroupDirectory) {}
  package mutating func send(_ signal: Signal, asking ask: (Int32) -> Clearance) -> Delivery { .rehearsed }
  package var reach: Reach { Reach() }
  package var hasExited: Bool { false }
  package var exitDescriptor: Int32? { nil }
  package mutating func reap(asking ask: (Int32) -> Clearance) {}
  package var released: HelperResult? { nil }
  package mutating func examine() -> Standstill { .running }
  package mutating func thaw() -> Bool { false }
  package mutating func kinship(_ identity: ProcessIdentity) -> MemoryKinship { .separate }
  package mutating func release() {}
  package func another() -> RehearsalActuator { RehearsalActuator() }
}
