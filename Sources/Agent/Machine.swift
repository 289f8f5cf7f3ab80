package import Ladder
import LinuxSystem
package import ProcModel
package import ProcReader

/// The machine: all that the agent learns of it, and all that it does to processes. In production it is the kernel; a
/// test gives a scripted one, whose time it moves by itself.
package protocol Machine: ProcSource, ~Copyable {
  associatedtype Calls: KillCalls

  /// `CLOCK_BOOTTIME`, on which start times are.
  var now: Nanoseconds { get }
  /// `CLOCK_MONOTONIC`, which stands still while the machine sleeps.
  var awake: Nanoseconds { get }
  /// By which processes are held and signalled. Nil in a dry run: a machine without them answers a signal "rehearsed"
  /// (``Killer``).
  var killCalls: Calls? { get }
}

/// The kernel.
package struct LiveMachine: Machine, ~Copyable {
  package var source: LiveSource
  package let killCalls: LiveCalls?

  /// - Parameter killCalls: Nil in a dry run.
  package init(_ source: consuming LiveSource, killCalls: LiveCalls?) {
    self.source = source
    self.killCalls = killCalls
  }

  package var now: Nanoseconds { Nanoseconds(Clock.sinceBoot()) }
  package var awake: Nanoseconds { Nanoseconds(Clock.awake()) }

  package var view: ProcView { source.view }
  package var clock: Nanoseconds? { source.clock }
  package var cgroupVersion: CgroupVersion? { source.cgroupVersion }
  package func isReplaced(_ file: SystemFile) -> Bool { source.isReplaced(file) }

  package mutating func read(_ file: SystemFile, into buffer: inout ByteBuffer) throws(ReadFailure) {
    try source.read(file, into: &buffer)
  }

  package mutating func readZram(_ index: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    try source.readZram(index, into: &buffer)
  }

  package mutating func read(
    _ file: CgroupFile, ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    try source.read(file, ofCgroup: path, into: &buffer)
  }

  package mutating func place(ofCgroup path: Span<UInt8>, into buffer: inout ByteBuffer) -> Bool {
    source.place(ofCgroup: path, into: &buffer)
  }

  package mutating func read(_ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer) throws(ReadFailure) {
    try source.read(file, of: pid, into: &buffer)
  }

  package mutating func readOrGiveUp(
    _ file: ProcessFile, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    try source.readOrGiveUp(file, of: pid, into: &buffer)
  }

  package mutating func prepareToGiveUp(_ isNeeded: Bool) throws(ReadFailure) {
    try source.prepareToGiveUp(isNeeded)
  }

  package mutating func read(
    _ file: ProcessFile, ofThread thread: Int32, of pid: Int32, into buffer: inout ByteBuffer
  ) throws(ReadFailure) {
    try source.read(file, ofThread: thread, of: pid, into: &buffer)
  }

  package mutating func beginProcesses() throws(ReadFailure) { try source.beginProcesses() }
  package mutating func nextProcess() throws(ReadFailure) -> Int32? { try source.nextProcess() }
  package mutating func beginThreads(of pid: Int32, at start: Int) throws(ReadFailure) {
    try source.beginThreads(of: pid, at: start)
  }
  package mutating func nextThread() throws(ReadFailure) -> Int32? { try source.nextThread() }
  package mutating func effectiveCapabilities(of pid: Int32) -> CapabilitySet? {
    source.effectiveCapabilities(of: pid)
  }
}
