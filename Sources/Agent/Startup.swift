import Badness
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

/// The ways in which the agent ends (sysexits.h).
package enum ExitStatus: Int32, Sendable {
  /// By request.
  case ok = 0
  /// The command line makes no sense.
  case usage = 64
  /// The kernel lacks something that cannot be done without.
  case kernelFeature = 69
  case noPermission = 77
  /// The policy image is not whole.
  case configuration = 78
}

/// Why the agent does not start.
struct StartFailure: Error {
  var code: ExitStatus
  var text: String
  var errno: Errno?
  var imageError: ImageError?

  init(_ code: ExitStatus, _ text: String, _ errno: Errno? = nil) {
    self.code = code
    self.text = text
    self.errno = errno
  }

  /// An image that is no policy.
  init(_ imageError: ImageError) {
    self.init(.configuration, "")
    self.imageError = imageError
  }

  /// A file that cannot be opened: `noPermission` where that is why, or else `code`.
  init(opening text: String, _ errno: Errno, otherwise code: ExitStatus) {
    let isForbidden = errno == .accessDenied || errno == .notPermitted
    self.init(isForbidden ? .noPermission : code, text, errno)
  }
}

/// Prepares the agent, runs it, and says how it ended.
///
/// - Parameter options: As parsed from the command line.
package func runAgent(_ options: Options) -> ExitStatus {
  var messages = Messages()
  do throws(StartFailure) {
    let setUp = try SetUp(options)
    try setUp.run(&messages)
    return .ok
  } catch {
    if let imageError = error.imageError {
      messages.say { line in line.append(imageError) }
    } else if let errno = error.errno {
      messages.say(error.text, errno)
    } else {
      messages.say(error.text)
    }
    return error.code
  }
}

/// Everything that is settled before the loop begins, in the order in which privileges allow it.
private struct SetUp {
  let options: Options
  let policy: CompiledPolicy
  let policyName: CPath

  init(_ options: Options) throws(StartFailure) {
    self.options = options
    if let descriptor = options.imageDescriptor {
      policy = try SetUp.policy(from: OwnedDescriptor(owning: descriptor))
      policyName = options.config ?? CPath("built-in: server")
    } else if let path = options.imagePath {
      policy = try SetUp.policy(
        from: try SetUp.open(path, .read, "the policy image cannot be opened", otherwise: .configuration))
      policyName = path
    } else {
      policy = try SetUp.policy(BuiltInPolicy.image())
      policyName = CPath("built-in: server")
    }
  }

  private static func policy(from file: consuming OwnedDescriptor) throws(StartFailure) -> CompiledPolicy {
    var bytes = [UInt8](repeating: 0, count: ImageLayout.maximumLength + 1)
    do throws(Errno) {
      let count = try file.readWhole(into: &bytes)
      bytes.removeLast(bytes.count - count)
    } catch {
      throw StartFailure(opening: "the policy image cannot be read", error, otherwise: .configuration)
    }
    return try policy(bytes)
  }

  private static func policy(_ image: [UInt8]) throws(StartFailure) -> CompiledPolicy {
    do throws(ImageError) {
      return try CompiledPolicy(image: image.span)
    } catch {
      throw StartFailure(error)
    }
  }

  private static func open(
    _ path: CPath, _ mode: OwnedDescriptor.Mode, _ text: String, otherwise code: ExitStatus
  ) throws(StartFailure) -> OwnedDescriptor {
    do throws(Errno) {
      return try OwnedDescriptor.open(path, mode)
    } catch {
      throw StartFailure(opening: text, error, otherwise: code)
    }
  }

  func run(_ messages: inout Messages) throws(StartFailure) {
    var source = try openSource()
    let record = try openRecord()
    let loop: EventLoop
    do throws(Errno) {
      loop = try EventLoop.taking([.terminate, .interrupt, .hangUp])
    } catch {
      throw StartFailure(.kernelFeature, "the kernel refuses the agent's event descriptors", error)
    }
    let units = KernelUnits(
      pageSizeKiB: OwnProcess.pageSizeKiB, ticksPerSecond: OwnProcess.clockTicksPerSecond)
    let judge = Judge(
      policy: policy, machine: MachineFacts(ram: .zero, swap: .zero, units: units),
      agent: source.isLive ? OwnProcess.pid : 0)
    let recorder = Recorder(sink: record, isDryRun: options.isDryRun)
    let reloader = Reloader(compiler: options.compiler, config: options.config)

    introduce(&messages)
    let panic = source.isLive ? readPanicSettings(&messages) : nil
    let fill = LookAhead.fill(of: OwnProcess.measureFill(), times: OwnProcess.processors)
    // Whether the policy at hand asks for it or not: a later one may, and then the privilege is gone.
    let pressureWatch = source.isLive ? watchPressure(of: &source, loop, &messages) : nil
    let kernelLog = options.isDryRun ? nil : openKernelLog(&messages)
    let arms = try openArms(source)
    let privileges = harden(&messages)
    let hand = takeUp(arms, &messages)
    var hooks = HookBench()
    if !options.isDryRun { hooks.takeUp(policy, &messages) }
    let lastResort = takeUpLastResort(&messages)
    let relief = takeUpRelief(source, &messages)
    let cgroupRefusal = refusalOfCgroups(source)
    // After the helpers, whose work is long, are made.
    attempt(&messages, "the agent has no real-time priority, and waits its turn where many want to run") {
      () throws(Errno) in
      try OwnProcess.runInRealTime()
    }
    // Nothing that is still to come ends a start.
    attempt(&messages, "the service manager was not told that the agent is ready") { () throws(Errno) in
      try OwnProcess.tellReady()
    }
    keepInMemory(&messages)
    var agent = Agent(
      source: source, hand: hand, loop: loop, recorder: recorder, messages: Messages(), kernelLog: kernelLog,
      pressureWatch: pressureWatch, reloader: reloader, hooks: hooks, relief: relief, lastResort: lastResort,
      judge: judge,
      fill: fill, isVerbose: options.isVerbose)
    agent.cgroupRefusal = cgroupRefusal
    agent.sayUnwritableCgroups()
    agent.recordStart(version: spillwayVersion, policy: policyName, privileges, panic)
    do throws(Errno) {
      try agent.run()
    } catch {
      agent.endRelief()
      throw StartFailure(.kernelFeature, "the agent cannot wait for events", error)
    }
  }

  /// What an armed agent ends others by; nil in a dry run.
  private func openArms(_ source: borrowing LiveSource) throws(StartFailure) -> LiveCalls? {
    options.isDryRun ? nil : LiveCalls(proc: try armedRoot(source))
  }

  /// Makes the hand. Its helper thread has the privileges of the one that makes it, so this comes after they are reduced;
  /// and before memory is locked, so that what only starting it needs does not stay.
  private func takeUp(_ arms: consuming LiveCalls?, _ messages: inout Messages) -> ProgramActuator {
    guard var calls = consume arms else { return ProgramActuator(nil) }
    attempt(&messages, "a victim's memory comes back only when it has died") { () throws(Errno) in
      try calls.makeHelper()
    }
    return ProgramActuator(LiveActuator(calls: calls))
  }

  /// What the last resort acts by; nil in a dry run, and where the policy has none.
  private func takeUpLastResort(_ messages: inout Messages) -> LastResortHand? {
    guard let wanted = policy.measures.lastResort, !options.isDryRun else { return nil }
    do throws(Errno) {
      var machine = try LiveMachine(proc: try OwnedDescriptor.open(options.procRoot, [.read, .directory]))
      if let refusal = machine.refusal {
        messages.say(
          wanted.action == .panic
            ? "the last resort takes sysrq-trigger, which cannot be opened"
            : "where reboot(2) is refused, the last resort takes sysrq-trigger, which cannot be opened", refusal)
      }
      return { course, now in course.advance(&machine, now: now) }
    } catch {
      messages.say("the last resort cannot be made ready, and is never taken", error)
      return nil
    }
  }

  /// Why an armed agent cannot write the cgroups that it may have to kill: `EROFS` in a sandbox that mounts them read-only.
  /// Nil where it can, and where none is killed as one.
  private func refusalOfCgroups(_ source: borrowing LiveSource) -> Errno? {
    guard !options.isDryRun, source.cgroupVersion == .v2 else { return nil }
    do throws(Errno) {
      // Opened and left alone. Each cgroup has this file; the root has neither `cgroup.kill` nor `cgroup.freeze`.
      _ = try source.unifiedRoot().open(CPath("cgroup.procs"), .write)
      return nil
    } catch {
      return error
    }
  }

  /// Undoes what the relief of a run before this one left, whether the policy has any or not, and makes its own ready.
  private func takeUpRelief(_ source: borrowing LiveSource, _ messages: inout Messages) -> CgroupRelief? {
    let isWanted = policy.measures.relief != Relief()
    guard source.cgroupVersion == .v2 else {
      if isWanted { messages.say("relief needs cgroups of version 2, which account memory: none is given here") }
      return nil
    }
    if options.isDryRun { return nil }
    let path = CPath(CgroupRelief.folder)
    do throws(Errno) {
      if isWanted { try? OwnedDescriptor.makeFolder(path) }
      let folder = try OwnedDescriptor.open(path, [.read, .directory, .noFollow])
      let root = try source.unifiedRoot()
      let undone = try CgroupRelief.undoLeftovers(below: root, in: folder)
      if undone > 0 {
        messages.say { line in
          line.append("put back what a run before this one left changed: ")
          line.append(decimal: UInt64(undone))
          line.append(undone == 1 ? " cgroup" : " cgroups")
        }
      }
      guard isWanted else { return nil }
      let relief = try CgroupRelief(root: root, folder: folder)
      if let refusal = relief.refusal { messages.say("relief fails here: cgroups cannot be written", refusal) }
      return relief
    } catch {
      if error == .invalidArgument {
        messages.say(
          "/run/spillway/relief makes no sense, and no relief is given: put right by hand what it names, and remove it")
      } else if isWanted {
        messages.say("relief cannot be made ready in /run/spillway, and is not given", error)
      } else if error != .noSuchFile {
        messages.say("what a run before this one left changed, by /run/spillway/relief, cannot be put back", error)
      }
      return nil
    }
  }

  /// Reads what the kernel does by itself when memory is gone, and says so where it matters.
  private func readPanicSettings(_ messages: inout Messages) -> PanicSettings? {
    let panic: PanicSettings
    do throws(Errno) {
      panic = try PanicSettings(readingBelow: try OwnedDescriptor.open(options.procRoot, [.read, .directory]))
    } catch {
      if policy.measures.lastResort != nil { messages.say("vm.panic_on_oom or kernel.panic cannot be read", error) }
      return nil
    }
    if panic.panicOnOom != 0 || policy.measures.lastResort != nil {
      messages.say { line in line.append(panic) }
    }
    return panic
  }

  private func openSource() throws(StartFailure) -> LiveSource {
    let source: LiveSource
    do throws(Errno) {
      source = try LiveSource.open(root: options.procRoot)
    } catch {
      // A root that was named is a slip of whoever named it; the usual one is the kernel's to have.
      let isUsual = options.procRoot.bytes.equals(CPath("/proc").bytes)
      throw StartFailure(
        opening: "the proc file system cannot be opened", error, otherwise: isUsual ? .kernelFeature : .usage)
    }
    return source
  }

  /// The live root for an armed agent, which must number processes as this one is numbered.
  private func armedRoot(_ source: borrowing LiveSource) throws(StartFailure) -> OwnedDescriptor {
    guard ProcessHandle.isSupported else {
      throw StartFailure(
        .kernelFeature, "this kernel has no pidfd_open (Linux 5.3): only a dry run is safe here; add --dry-run")
    }
    let root = try SetUp.open(
      options.procRoot, [.read, .directory], "the proc file system cannot be opened", otherwise: .kernelFeature)
    guard source.isLive, root.namesThisProcess() else {
      throw StartFailure(
        .usage, "--proc-root is not the proc file system of this pid namespace: its numbers are not ours; add --dry-run"
      )
    }
    return root
  }

  private func openRecord() throws(StartFailure) -> OwnedDescriptor? {
    guard let path = options.record else { return nil }
    if path.bytes.equals(CPath("-").bytes) {
      do throws(Errno) {
        return try OwnedDescriptor.duplicate(1)
      } catch {
        throw StartFailure(.usage, "--record -: standard output is closed", error)
      }
    }
    return try SetUp.open(
      path, [.write, .create, .append, .noFollow], "the record file cannot be opened", otherwise: .usage)
  }

  /// Has the kernel wake the agent at the system's stalls: the machine's, or those of the container it is in.
  private func watchPressure(
    of source: inout LiveSource, _ loop: borrowing EventLoop, _ messages: inout Messages
  ) -> PressureWatch? {
    var path: CPath? = CPath("/proc/pressure/memory")
    var sensors = Sensors()
    if let cgroup = sensors.ownCgroup(from: &source) { path = source.path(.pressure, ofCgroup: cgroup.span) }
    do throws(Errno) {
      guard let path else { throw .noSuchFile }
      let watch = try PressureWatch.open(path, full: false)
      try loop.watch(watch, tag: Agent<LiveSource, ProgramActuator>.pressureTag)
      return watch
    } catch {
      messages.say("the kernel does not wake the agent at stalls; it looks by itself", error)
      return nil
    }
  }

  private func openKernelLog(_ messages: inout Messages) -> OwnedDescriptor? {
    do throws(Errno) {
      return try OwnedDescriptor.open(CPath("/dev/kmsg"), .write)
    } catch {
      messages.say("/dev/kmsg cannot be written: the kernel's log will not name our victims", error)
      return nil
    }
  }

  private func introduce(_ messages: inout Messages) {
    messages.say { line in
      line.append(spillwayVersion)
      line.append(options.isDryRun ? ", dry run: nobody is ended" : ", armed")
      line.append("; policy ")
      line.append(visible: policyName.bytes)
      line.append(", ")
      line.append(decimal: UInt64(policy.rules.count))
      line.append(" rules, formula ")
      line.append(policy.settings.formula.name)
    }
  }

  /// Has only what is needed from here on in memory, and that for good.
  private func keepInMemory(_ messages: inout Messages) {
    // Measured on x86-64 with the built-in policy: 1080 KiB resident without this, 888 with it.
    attempt(&messages, "start-up code stays resident") { () throws(Errno) in
      try OwnProcess.forgetStartUpCode()
    }
    attempt(&messages, "the agent's memory cannot be locked") { () throws(Errno) in
      try OwnProcess.lockMemoryOnFault()
    }
  }

  /// Makes the agent hard to hurt, and takes from it what it does not need.
  private func harden(_ messages: inout Messages) -> Privileges {
    attempt(&messages, "the agent's priority cannot be raised") { () throws(Errno) in
      try OwnProcess.setNice(-20)
    }
    attempt(&messages, "the agent's own oom_score_adj cannot be set to -1000") { () throws(Errno) in
      let file = try OwnedDescriptor.open(CPath("/proc/self/oom_score_adj"), .write)
      try file.write(CPath("-1000").bytes)
    }
    return Privileges.reduce(for: purposes, &messages)
  }

  /// What the policy asks for beside ending processes; a dry run does none of it.
  private var purposes: CapabilityNeed.Purpose {
    var purposes: CapabilityNeed.Purpose = []
    if options.isDryRun { return purposes }
    for command in policy.commands where command.uid != OwnProcess.effectiveUID || command.uid == 0 {
      purposes.insert(.hooks)
    }
    if policy.measures.lastResort?.action == .reboot { purposes.insert(.reboot) }
    return purposes
  }

  private func attempt(
    _ messages: inout Messages, _ failure: String, _ action: () throws(Errno) -> Void
  ) {
    do throws(Errno) {
      try action()
    } catch {
      messages.say(failure, error)
    }
  }
}
