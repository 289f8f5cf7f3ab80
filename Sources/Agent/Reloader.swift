package import LinuxSystem
import Policy
package import ProcModel

/// Compiles the policy again, in another process, while the agent goes on.
package struct Reloader: ~Copyable {
  private let compiler: CPath?
  /// The policy's file; nil where nothing can be read again.
  let config: CPath?
  private var image: OwnedDescriptor?
  private var compiled: OwnedDescriptor?
  private var child: Child?
  /// On the clock that stands still while the machine sleeps.
  private var deadline = Nanoseconds.zero
  private var files: PolicyWatch?

  /// A compiler that takes longer is killed.
  private static let limit = Nanoseconds.milliseconds(10_000)

  /// - Parameters:
  ///   - compiler: The `spillway` program; without it, or without a config, there is nothing to read again.
  ///   - config: The policy's file.
  package init(compiler: CPath?, config: CPath?) {
    self.compiler = compiler
    self.config = config
    image = nil
    compiled = nil
    child = nil
    files = nil
  }

  /// Has the machine's wait told when the policy's files change. There may be none.
  mutating func watchFiles<M: Machine & ~Copyable>(_ machine: inout M) throws(Errno) {
    guard compiler != nil, let config else { return }
    let watch = try PolicyWatch(config)
    try machine.watch(watch.descriptor, .readable, tag: WakeTag.files)
    files = consume watch
  }

  /// Takes what the kernel tells of them.
  package mutating func takeChanges(at now: Nanoseconds) {
    files?.take(at: now)
  }

  /// When files that changed are to be read; nil where none did.
  package var due: Nanoseconds? {
    switch files {
    case .some(let files): files.due
    case .none: nil
    }
  }

  /// Whether the compiler runs.
  package var isBusy: Bool {
    switch child {
    case .some: true
    case .none: false
    }
  }

  /// Why a reload did not happen, as a literal.
  package enum Refusal: Error, Sendable {
    case nothingToReload
    case inProgress
    case cannotStart(Errno)
    case compilerFailed
    case unreadable(Errno)

    package var text: String {
      switch self {
      case .nothingToReload: "there is no policy file to read again: the agent was started without one"
      case .inProgress: "the policy is being compiled already"
      case .cannotStart: "the policy compiler could not be started"
      case .compilerFailed: "the policy has a mistake, or its compiler failed; see its message above"
      case .unreadable: "the compiled policy could not be read"
      }
    }
  }

  /// Starts the compiler and has the machine's wait told when it exits.
  mutating func begin<M: Machine & ~Copyable>(_ machine: inout M) throws(Refusal) {
    guard let compiler, let config else { throw .nothingToReload }
    guard !isBusy else { throw .inProgress }
    files?.settle()
    do throws(Errno) {
      let file = try MemoryFile.create(CPath("spillway-policy"))
      let started = try Child.start(
        compiler,
        [CPath("spillway"), CPath("compile"), config, CPath("-o"), CPath(descriptor: file.raw)],
        inheriting: file)
      try machine.watch(started.handle.descriptor.raw, .readableOnce, tag: WakeTag.compiler)
      child = consume started
      image = consume file
      deadline = machine.awake + Reloader.limit
    } catch {
      throw .cannotStart(error)
    }
  }

  /// Takes the image of a compiler that has exited.
  package mutating func finish() throws(Refusal) -> [UInt8] {
    let ended = child.take()
    let file = image.take()
    guard let ended, let file else { throw .nothingToReload }
    guard let status = try? ended.wait(), status == 0 else { throw .compilerFailed }
    do throws(Errno) {
      var bytes = [UInt8](repeating: 0, count: ImageLayout.maximumLength + 1)
      let count = try file.readWhole(into: &bytes)
      bytes.removeLast(bytes.count - count)
      compiled = .some(file)
      return bytes
    } catch {
      throw .unreadable(error)
    }
  }

  /// The file of the image that ``finish()`` gave last, once.
  package mutating func takeImage() -> OwnedDescriptor? { compiled.take() }

  /// Kills a compiler that takes too long; its exit then wakes the loop.
  package mutating func giveUp(at now: Nanoseconds) {
    switch child {
    case .some(let child):
      if now >= deadline { try? child.handle.send(.kill) }
    case .none: break
    }
  }
}
