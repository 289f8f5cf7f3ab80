package import Ladder
package import LinuxSystem
package import Policy
package import ProcModel
package import ProcReader

/// The machine: all that the agent learns of it, and all that it does to it. In production it is the kernel; a test gives
/// a scripted one, whose time it moves by itself.
///
/// A dry run is a machine made without calls (``LiveMachine/init(rehearsing:_:_:)``): it answers each act that it is
/// rehearsed. This is the only place at which a dry run differs.
package protocol Machine: ProcSource, ~Copyable {
  associatedtype Calls: KillCalls
  associatedtype Cgroups: ReliefCalls
  associatedtype Restart: RestartCalls

  /// `CLOCK_BOOTTIME`, on which start times are.
  var now: Nanoseconds { get }
  /// `CLOCK_MONOTONIC`, which stands still while the machine sleeps.
  var awake: Nanoseconds { get }

  /// Waits for the timer, a signal, or a descriptor that is watched.
  mutating func wait() throws(Errno) -> Wake
  /// Sets the timer. It runs out once.
  mutating func setTimer(_ delay: Nanoseconds) throws(Errno)
  /// Has the wait told of a descriptor.
  ///
  /// - Parameter tag: Of ``WakeTag``.
  mutating func watch(_ descriptor: Int32, _ readiness: Readiness, tag: UInt64) throws(Errno)
  /// Whether the kernel wakes the agent at the system's stalls (``WakeTag/pressure``). Else it looks by itself.
  var isWokenAtStalls: Bool { get }

  /// Reads a memory domain.
  mutating func read(_ question: MemoryQuestion, by sensors: inout Sensors) throws(Sensors.Blindness) -> MemoryAnswer
  /// The cgroup that limits everything this machine shows (``Sensors/ownCgroup(from:)``).
  mutating func ownCgroup(by sensors: inout Sensors) -> [UInt8]?

  /// Begins a survey (``Chooser/beginSurvey(_:isForScores:units:now:from:)``).
  mutating func beginSurvey(
    _ plan: ReadingPlan, isForScores: Bool, units: KernelUnits, by chooser: inout Chooser
  ) throws(ReadFailure)
  /// Goes on with it (``Chooser/stepSurvey(_:units:from:)``).
  mutating func stepSurvey(_ processes: Int, units: KernelUnits, by chooser: inout Chooser) throws(ReadFailure) -> Bool
  /// Reads one process anew (``Chooser/look(at:units:now:from:)``).
  mutating func look(at pid: Int32, units: KernelUnits, by chooser: inout Chooser) -> ProcessSighting

  /// Whether a process lives; nil where that cannot be told. Nothing is decided by it, and a flight does not keep it.
  mutating func isAlive(_ process: ProcessIdentity) -> Bool?

  /// Whether it can be asked for the origin of a victim (``ProcessOrigin``): a flight of an older release does not tell.
  var tellsOrigins: Bool { get }

  /// The time of a moment that is told of, or that what follows is reckoned from.
  mutating func mark() -> Nanoseconds
  /// The loop woke.
  mutating func beginTick(at now: Nanoseconds)
  /// Another policy is about to come into force. Allocates: for reloads.
  mutating func takeUp(_ policy: CompiledPolicy, named name: CPath)
  /// Whether it is time for something: as the agent has it, or for a machine that plays back, as it was.
  func isTime(for step: AgentStep, _ own: Bool) -> Bool

  /// By which processes are held and signalled. Nil in a dry run: a machine without them answers a signal "rehearsed"
  /// (``Killer``).
  var killCalls: Calls? { get }
  /// Opens a cgroup, to be killed whole. Nil where it is none of the unified hierarchy, or cannot be opened.
  ///
  /// - Parameter scratch: For its place.
  mutating func openCgroup(_ path: Span<UInt8>, _ scratch: inout ByteBuffer) -> CgroupDirectory?
  /// By which cgroups are slowed down, frozen and asked for memory before a process is killed.
  var relief: Means<Cgroups> { get }
  /// By which the machine is restarted when kills do not help.
  var restart: Means<Restart> { get }
  /// The hooks' programs. Nil in a dry run.
  var hooks: HookQueue? { get }
}

extension Machine where Self: ~Copyable {
  package mutating func read(
    _ question: MemoryQuestion, by sensors: inout Sensors
  ) throws(Sensors.Blindness) -> MemoryAnswer {
    try sensors.answer(question, from: &self)
  }

  package mutating func ownCgroup(by sensors: inout Sensors) -> [UInt8]? { sensors.ownCgroup(from: &self) }

  package mutating func beginSurvey(
    _ plan: ReadingPlan, isForScores: Bool, units: KernelUnits, by chooser: inout Chooser
  ) throws(ReadFailure) {
    try chooser.beginSurvey(plan, isForScores: isForScores, units: units, now: now, from: &self)
  }

  package mutating func stepSurvey(
    _ processes: Int, units: KernelUnits, by chooser: inout Chooser
  ) throws(ReadFailure) -> Bool {
    try chooser.stepSurvey(processes, units: units, from: &self)
  }

  package mutating func look(at pid: Int32, units: KernelUnits, by chooser: inout Chooser) -> ProcessSighting {
    chooser.look(at: pid, units: units, now: now, from: &self)
  }

  package mutating func isAlive(_ process: ProcessIdentity) -> Bool? { nil }
  package var tellsOrigins: Bool { true }
  package mutating func mark() -> Nanoseconds { now }
  package mutating func beginTick(at now: Nanoseconds) {}
  package mutating func takeUp(_ policy: CompiledPolicy, named name: CPath) {}
  package func isTime(for step: AgentStep, _ own: Bool) -> Bool { own }
}

/// What the agent does when its time has come.
package enum AgentStep: Equatable, Sendable {
  /// A look at the domain of that number, which is nil where the domain is none of the policy's any more.
  case look(domain: Int?)
  /// A survey in calm time.
  case learn
}

/// What a machine has for a kind of act.
package enum Means<Calls> {
  case ready(Calls)
  /// It cannot be done: the policy at the start asked for none of it, or it could not be made ready.
  case missing
  /// In a dry run it is told, and not done.
  case rehearsed
}

extension Means: Sendable where Calls: Sendable {}

/// What the loop is woken by, beside the timer and signals.
package enum WakeTag {
  package static let compiler = EventLoop.firstFreeTag
  static let pressure = EventLoop.firstFreeTag + 1
  /// The exit of a victim; one for each domain from here on.
  static let victim = EventLoop.firstFreeTag + 2
  /// All that hooks have to tell.
  static let hook = EventLoop.firstFreeTag + 64
  static let relief = EventLoop.firstFreeTag + 65
  /// The policy's files.
  static let files = EventLoop.firstFreeTag + 96
  /// The process that keeps the policy.
  static let keeper = EventLoop.firstFreeTag + 97
}

/// The kernel.
package struct LiveMachine: Machine, ~Copyable {
  package var source: LiveSource
  private var loop: EventLoop
  /// Nil where the kernel does not wake the agent at stalls.
  private let pressureWatch: PressureWatch?
  /// Of a cgroup that is opened. Kept, so that opening one takes no memory from the heap.
  private var name = CPath("")
  private var stat = ByteBuffer(capacity: 512)
  package let killCalls: LiveCalls?
  package let relief: Means<CgroupRelief>
  package let restart: Means<LiveRestartCalls>
  package let hooks: HookQueue?

  /// A machine of which everything is learned, and to which nothing is done.
  package init(
    rehearsing source: consuming LiveSource, _ loop: consuming EventLoop, _ pressureWatch: consuming PressureWatch?
  ) {
    // Told only where it could be done.
    relief = source.cgroupVersion == .v2 ? .rehearsed : .missing
    self.source = source
    self.loop = loop
    self.pressureWatch = pressureWatch
    killCalls = nil
    restart = .rehearsed
    hooks = nil
  }

  package init(
    arming source: consuming LiveSource, _ loop: consuming EventLoop, _ pressureWatch: consuming PressureWatch?,
    killCalls: LiveCalls, relief: CgroupRelief?, restart: LiveRestartCalls?, hooks: HookQueue
  ) {
    self.source = source
    self.loop = loop
    self.pressureWatch = pressureWatch
    self.killCalls = killCalls
    self.relief = relief.map { .ready($0) } ?? .missing
    self.restart = restart.map { .ready($0) } ?? .missing
    self.hooks = hooks
  }

  package var now: Nanoseconds { Nanoseconds(Clock.sinceBoot()) }
  package var awake: Nanoseconds { Nanoseconds(Clock.awake()) }

  package mutating func wait() throws(Errno) -> Wake { try loop.wait() }
  package mutating func setTimer(_ delay: Nanoseconds) throws(Errno) { try loop.wake(inNanoseconds: delay.count) }

  package mutating func watch(_ descriptor: Int32, _ readiness: Readiness, tag: UInt64) throws(Errno) {
    try loop.watch(descriptor, readiness, tag: tag)
  }

  package mutating func openCgroup(_ path: Span<UInt8>, _ scratch: inout ByteBuffer) -> CgroupDirectory? {
    guard source.place(ofCgroup: path, into: &scratch) else { return nil }
    name.set("", scratch.bytes, "")
    guard let directory = try? OwnedDescriptor.open(name, .read, .directory) else { return nil }
    return CgroupDirectory(directory)
  }

  package var isWokenAtStalls: Bool {
    switch pressureWatch {
    case .some: true
    case .none: false
    }
  }

  package mutating func isAlive(_ process: ProcessIdentity) -> Bool? { source.isAlive(process, &stat) }

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

  package mutating func prepareToGiveUp() throws(ReadFailure) { try source.prepareToGiveUp() }

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
