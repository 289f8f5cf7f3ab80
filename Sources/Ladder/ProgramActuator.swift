package import LinuxSystem
package import ProcModel

/// The hand of the program, which learns only at its start whether it may end anybody: armed it is a ``LiveActuator``,
/// else a ``RehearsalActuator``.
///
/// One type for both, because the loop is compiled anew for each type of hand: as two, 250 kB more of code.
package struct ProgramActuator: Actuator, ~Copyable {
  private var live: LiveActuator?
  private var rehearsal = RehearsalActuator()

  /// - Parameter live: Nil in a dry run.
  package init(_ live: consuming LiveActuator?) {
    self.live = live
  }

  package mutating func hold(_ identity: ProcessIdentity) -> Hold { live?.hold(identity) ?? rehearsal.hold(identity) }
  package mutating func join(_ identity: ProcessIdentity) -> Hold { live?.join(identity) ?? rehearsal.join(identity) }
  package mutating func takeGroup(_ number: Int32) { live?.takeGroup(number) }
  package mutating func take(_ cgroup: consuming CgroupDirectory) { live?.take(cgroup) }
  package mutating func send(_ signal: Signal, asking ask: (Int32) -> Clearance) -> Delivery {
    live?.send(signal, asking: ask) ?? rehearsal.send(signal, asking: ask)
  }
  package var reach: Reach {
    switch live {
    case .some(let live): live.reach
    case .none: rehearsal.reach
    }
  }
  package var hasExited: Bool { mutating get { live?.hasExited ?? rehearsal.hasExited } }
  package var exitDescriptor: Int32? { mutating get { live?.exitDescriptor } }
  package mutating func reap(asking ask: (Int32) -> Clearance) { live?.reap(asking: ask) }
  package var released: HelperResult? { mutating get { live?.released } }
  package mutating func examine() -> Standstill { live?.examine() ?? rehearsal.examine() }
  package mutating func thaw() -> Bool { live?.thaw() ?? rehearsal.thaw() }
  package mutating func kinship(_ identity: ProcessIdentity) -> MemoryKinship {
    live?.kinship(identity) ?? rehearsal.kinship(identity)
  }
  package mutating func release() { live?.release() }

  package func another() throws(Errno) -> ProgramActuator {
    switch live {
    case .some(let live): ProgramActuator(try live.another())
    case .none: ProgramActuator(nil)
    }
  }
}
