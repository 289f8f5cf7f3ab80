import Badness
import Flight
import Ladder
package import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

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

/// Prepares the agent, runs it, and says how it stopped.
///
/// - Parameter options: As parsed from the command line.
package func runAgent(_ options: Options) -> ExitStatus {
  var messages = Messages()
  do throws(StartFailure) {
    let image = SetUp.imageToKeep(options)
    let setUp = try SetUp(options)
    return try setUp.run(keeping: image, &messages)
  } catch {
    if let imageError = error.imageError {
      messages.say(.error) { line in line.append(imageError) }
    } else if let errno = error.errno {
      messages.say(.error, error.text, errno)
    } else {
      messages.say(.error, error.text)
    }
    return error.code
  }
}

/// Everything that is settled before the loop begins, in the order in which privileges allow it.
struct SetUp {
  let options: Options
  let policy: CompiledPolicy
  let policyName: CPath
  /// What is in force in place of the policy that was asked for.
  let fallback: PolicyFallback?
  /// Also where the built-in policy stands in, which knows nothing of what the operator protects.
  let isDryRun: Bool

  init(_ options: Options) throws(StartFailure) {
    self.options = options
    isDryRun = options.isDryRun || options.standsIn
    fallback =
      options.standsIn
      ? PolicyFallback(.builtIn, because: options.because)
      : options.lastGood.map { PolicyFallback(.lastGood(keptAt: $0), because: options.because) }
    if options.standsIn {
      policy = try SetUp.policy(BuiltInPolicy.image())
      policyName = CPath("built-in: server")
    } else if let descriptor = options.imageDescriptor {
      policy = try SetUp.policy(from: OwnedDescriptor(owning: descriptor))
      policyName = options.config ?? CPath("built-in: server")
    } else if let path = options.imagePath {
      policy = try SetUp.policy(
        from: try SetUp.open(path, .read, [], "the policy image cannot be opened", otherwise: .configuration))
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

  static func open(
    _ path: CPath, _ access: OwnedDescriptor.AccessMode, _ options: OwnedDescriptor.OpenOptions, _ text: String,
    otherwise code: ExitStatus
  ) throws(StartFailure) -> OwnedDescriptor {
    do throws(Errno) {
      return try OwnedDescriptor.open(path, access, options)
    } catch {
      throw StartFailure(opening: text, error, otherwise: code)
    }
  }

  func run(
    keeping image: consuming OwnedDescriptor?, _ messages: inout Messages
  ) throws(StartFailure) -> ExitStatus {
    var source = try openSource()
    if options.recordsInFull {
      attempt(&messages, "the agent does not stop when the program that started it exits") { () throws(Errno) in
        try OwnProcess.setParentDeathSignal()
      }
    }
    // While it can still be reached for certain.
    let manager = askManager(&messages)
    var supervision = Supervision(
      consume manager, mode: AgentMode(isDryRun: isDryRun, policy: policyName, rules: policy.rules.count),
      fallback: fallback, isArmed: !options.isDryRun)
    let record = try openRecord(&messages)
    let loop: EventLoop
    do throws(Errno) {
      loop = try EventLoop.taking([.terminate, .interrupt, .hangUp, .user1])
    } catch {
      throw StartFailure(.kernelFeature, "the kernel refuses the agent's event descriptors", error)
    }
    let constants = AgentConstants(
      units: KernelUnits(
        pageSizeKiB: OwnProcess.pageSizeKiB, ticksPerSecond: OwnProcess.clockTicksPerSecond),
      ownPID: source.isLive ? OwnProcess.pid : 0,
      fill: LookAhead.fill(of: OwnProcess.measureFill(), times: OwnProcess.processors), isVerbose: options.isVerbose)
    let isRecordMissing = record.isMissing
    var recorder = Recorder(
      sink: record.sink, isDryRun: isDryRun, isTorn: record.isTorn,
      run: RunID(boot: source.isLive ? readBootID() : nil, startedAt: Nanoseconds(Clock.sinceBoot())),
      bound: recordBound)
    if isRecordMissing { recorder.awaitSink() }
    var reload = ReloadCourse(
      Reloader(compiler: options.compiler, config: options.config),
      PolicyKeeper(tool: options.compiler, directory: options.stateDirectory, config: options.config))
    switch consume image {
    case .some(let image): reload.keeper.offer(image)
    case .none: break
    }

    introduce(&messages)
    sayView(source.view, &messages)
    let panic = source.isLive ? readPanicSettings(&messages) : nil
    // Whether the policy at hand asks for it or not: a later one may, and then the privilege is gone.
    let pressureWatch = source.isLive ? watchPressure(of: &source, loop, &messages) : nil
    var kernelLog = KernelLog(isDryRun ? nil : openKernelLog(&messages))
    var killCalls = try openKillCalls(source)
    let privileges = harden(&messages)
    complete(&killCalls, on: source, &messages)
    // Now, so that what only starting a thread needs does not stay in memory; a failure the agent tells.
    try? source.prepareToGiveUp()
    let systemLog = openSystemLog(of: source)
    let machine = makeMachine(source, loop, pressureWatch, killCalls, &messages)
    let flights = openFlights(&messages)
    var flight: SharedFlight?
    switch flights {
    case .some: flight = recordFlight(constants, recorder.run)
    case .none: break
    }
    var spoken = Messages()
    detach(&recorder, &spoken, &kernelLog, &messages)
    // After the helpers, whose work is long, are made.
    attempt(&messages, "the agent has no real-time priority, and waits its turn where many want to run") {
      () throws(Errno) in
      try OwnProcess.runInRealTime()
    }
    // Nothing that is still to come makes a start fail.
    do throws(Errno) {
      try supervision.tell("READY=1\n")
    } catch {
      messages.say(.warning, SetUp.notTold, error)
    }
    // Measured on x86-64 with the built-in policy: 1080 KiB resident without this, 888 with it.
    attempt(&messages, "start-up code stays resident") { () throws(Errno) in try OwnProcess.forgetStart() }
    var reporter = Reporter(
      recorder: recorder, messages: spoken, kernelLog: kernelLog, recordOpening: record.opening)
    reporter.flight = flight
    reporter.folding = Folding()
    reporter.systemLog = systemLog
    var agent = Agent(
      machine: RecordingMachine(machine, in: flight, inFull: options.recordsInFull), reporter: reporter, policy: policy,
      constants: constants,
      reload: reload, supervision: supervision, killers: KillerWatch(expecting: isDryRun ? .spillwayd : nil),
      flights: flights)
    agent.reportStart(version: spillwayVersion, privileges, panic)
    return SetUp.run(&agent)
  }

  /// Runs the agent, with only what is needed from here on in memory, and that for good. A function of its own: the one
  /// that started the agent is not needed any more.
  @inline(never)
  private static func run(_ agent: inout Agent<RecordingMachine<LiveMachine>>) -> ExitStatus {
    agent.keepInMemory()
    do throws(Errno) {
      return try agent.run() == .toBeArmed ? .toBeArmed : .ok
    } catch {
      agent.stopUnableToWait(error)
      return .kernelFeature
    }
  }

  static var notTold: String { "the service manager was not told that the agent is ready" }

  /// The image to be kept once the policy is in force; nil where none is, or one that was kept is in force itself.
  ///
  /// To be called before the descriptor is read, and closed.
  static func imageToKeep(_ options: Options) -> OwnedDescriptor? {
    guard let descriptor = options.imageDescriptor, options.stateDirectory != nil, options.lastGood == nil else {
      return nil
    }
    return try? OwnedDescriptor.duplicate(descriptor)
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

  /// What the policy asks for beside killing processes; a dry run does none of it.
  private var purposes: CapabilityNeed.Purpose {
    var purposes: CapabilityNeed.Purpose = []
    if isDryRun { return purposes }
    for command in policy.commands where command.uid != OwnProcess.effectiveUID || command.uid == 0 {
      purposes.insert(.hooks)
    }
    if policy.measures.lastResort?.action == .reboot { purposes.insert(.reboot) }
    return purposes
  }

  func attempt(
    _ messages: inout Messages, _ failure: String, _ action: () throws(Errno) -> Void
  ) {
    do throws(Errno) {
      try action()
    } catch {
      messages.say(.warning, failure, error)
    }
  }
}
