package import LinuxSystem
package import ProcModel

/// What became of a hook.
package struct HookEnd: Equatable, Sendable {
  package enum Outcome: Equatable, Sendable {
    /// It exited, with this exit code, or 128 and a signal's number.
    case exited(Int32)
    /// It took too long, and its process group was killed.
    case timedOut
    case notStarted(StartStage, Errno)
  }

  package var outcome: Outcome
  /// Bytes that it wrote to its standard output and error, also those beyond what was kept.
  package var written: Int
  /// From its start to its exit.
  package var took: Nanoseconds

  package init(outcome: Outcome, written: Int, took: Nanoseconds) {
    self.outcome = outcome
    self.written = written
    self.took = took
  }
}

/// What a hook needs next.
package enum HookState: Equatable, Sendable {
  /// Nothing is under way; it can be begun.
  case idle
  /// The helper is starting it: its `doneDescriptor` tells when that is over.
  case starting
  /// It runs: ``HookRun/exitDescriptor`` and ``HookRun/outputDescriptor`` tell when there is something to do.
  case running
}

/// One hook of the policy: a program that is told of a decision, and never waited for.
///
/// Everything is prepared before it is needed: words, environment, a file that will be its standard input, a pipe for
/// what it writes. Begin, and then call ``advance(_:now:)`` whenever one of its descriptors is readable or time has
/// passed.
package struct HookRun: ~Copyable {
  /// Bytes of its output that are kept.
  package static let outputCapacity = 4096

  private var program: ProgramStart
  private let input: HookInput
  private var output: HookPipe?
  private var running: StartedProgram?
  private var state = HookState.idle
  private var startedAt = Nanoseconds.zero
  private let limit: Nanoseconds
  private var wasKilled = false
  private var kept = ByteBuffer(capacity: HookRun.outputCapacity)
  private var scratch = [UInt8](repeating: 0, count: 1024)
  private var written = 0

  /// - Parameters:
  ///   - words: The program's absolute path, and what follows it, as written. No shell.
  ///   - user: Whom it runs as; nil is the agent's own user, without its capabilities.
  ///   - limit: After which its whole process group is killed.
  ///   - inputCapacity: Bytes of standard input it may be given.
  /// - Throws: As ``ProgramStart/init(_:as:)``; why the kernel has no file or pipe for it.
  package init(_ words: [CPath], as user: Credentials?, limit: Nanoseconds, inputCapacity: Int) throws(Errno) {
    let program = try ProgramStart(words, as: user)
    let input = try HookInput(capacity: inputCapacity)
    let output = try HookPipe()
    self.program = program
    self.input = input
    self.output = .some(output)
    self.limit = limit
    running = nil
  }

  deinit {
    switch running {
    case .some(let running): running.killGroup()
    case .none: break
    }
  }

  /// Makes ready what a run uses up. Called by itself at the end of a run, which is a calm enough time.
  ///
  /// - Throws: Why there is no file or pipe; the next run tries once more.
  package mutating func prepare() throws(Errno) {
    guard state == .idle else { return }
    try input.prepare()
    output = try HookPipe()
  }

  /// Readable when it has exited. Nil while none runs.
  package var exitDescriptor: Int32? {
    switch running {
    case .some(let running): running.handle.descriptor.raw
    case .none: nil
    }
  }

  /// Readable when it has written something. Nil while none runs.
  package var outputDescriptor: Int32? {
    guard state == .running else { return nil }
    switch output {
    case .some(let output): return output.readingRaw
    case .none: return nil
    }
  }

  /// When it is given up; nil while none runs.
  package var deadline: Nanoseconds? { state == .idle ? nil : startedAt + limit }

  /// What it wrote first, as far as it was kept.
  package var outputBytes: Span<UInt8> {
    @_lifetime(borrow self) get { kept.bytes }
  }

  /// Gives the next run an environment of `PATH` alone.
  package mutating func clearVariables() { program.clearVariables() }

  /// As ``ProgramStart/setVariable(_:)``.
  package mutating func setVariable(_ text: Span<UInt8>) -> Bool { program.setVariable(text) }

  /// Has the helper start it.
  ///
  /// - Parameter text: Its standard input, cut at the capacity.
  /// - Throws: `EBUSY` while it runs or the helper is at work; why there is no file or pipe for it.
  package mutating func begin(_ helper: borrowing HelperThread, input text: Span<UInt8>, now: Nanoseconds)
    throws(Errno)
  {
    guard state == .idle, !helper.isBusy else { throw .busy }
    if output == nil { try prepare() }
    try input.fill(text)
    switch output {
    case .some(let output): output.attach(&program, input: input)
    case .none: throw .noMemory
    }
    kept.clear()
    written = 0
    wasKilled = false
    startedAt = now
    try helper.start(&program)
    state = .starting
  }

  /// Does whatever can be done without waiting.
  ///
  /// - Returns: What became of it, once.
  package mutating func advance(_ now: Nanoseconds) -> HookEnd? {
    if state == .starting {
      guard !program.isStarting else { return nil }
      switch program.takeOutcome() {
      case .some(.started(let started)):
        running = consume started
        state = .running
        // The program has its own; with ours open its output would never end.
        closeWritingEnd()
      case .some(.failed(let stage, let errno)): return finish(.notStarted(stage, errno), now)
      case .none: return finish(.notStarted(.clone, .busy), now)
      }
    }
    guard state == .running else { return nil }
    drain()
    return collect(now)
  }

  private mutating func collect(_ now: Nanoseconds) -> HookEnd? {
    switch running.take() {
    case .some(let program):
      if !program.handle.hasExited {
        if now - startedAt >= limit, !wasKilled {
          program.killGroup()
          wasKilled = true
        }
        running = consume program
        return nil
      }
      // Before it is collected, so that its group's number is still its own: those it left behind go with it.
      program.killGroup()
      let code: Int32
      switch program.reap() {
      case .exited(let status): code = status
      // A tracer of its own has still to collect it.
      case .running: code = 0
      }
      drain()
      return finish(wasKilled ? .timedOut : .exited(code), now)
    case .none:
      return nil
    }
  }

  private mutating func finish(_ outcome: HookEnd.Outcome, _ now: Nanoseconds) -> HookEnd {
    state = .idle
    output = nil
    let end = HookEnd(outcome: outcome, written: written, took: now - startedAt)
    // The next run tries again where this cannot.
    try? prepare()
    return end
  }

  private mutating func closeWritingEnd() {
    switch output.take() {
    case .some(var pipe):
      pipe.closeWriting()
      output = consume pipe
    case .none: break
    }
  }

  /// Reads what there is: the first of it is kept, and all of it counted.
  private mutating func drain() {
    switch output {
    case .some(let pipe):
      // Bounded, for one that writes faster than it is read; what is left is read at the next call.
      for _ in 0..<64 {
        guard let count = try? pipe.read(into: &scratch), count > 0 else { return }
        written += count
        for index in 0..<count where kept.count < kept.storage.count {
          kept.storage[kept.count] = scratch[index]
          kept.count += 1
        }
      }
    case .none: break
    }
  }
}
