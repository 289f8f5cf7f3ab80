package import LinuxSystem
package import ProcModel

/// Has the image of the policy that is in force kept in the state directory, for a start whose policy has a mistake.
///
/// `spillway` writes it, in a process of its own, so that no disk delays the loop. What cannot be kept is lost; the
/// policy is in force all the same.
package struct PolicyKeeper: ~Copyable {
  private let tool: CPath?
  private let directory: CPath?
  private let config: CPath?
  /// The image that is still to be kept, and the one that is being kept.
  private var waiting: OwnedDescriptor?
  private var inHand: OwnedDescriptor?
  private var child: Child?
  private var deadline = Nanoseconds.zero

  /// A writer that takes longer is killed; one that waits for a disk goes when that answers.
  private static let limit = Nanoseconds.milliseconds(10_000)

  /// - Parameters:
  ///   - tool: The `spillway` program; without it, a directory or a config, nothing is kept.
  ///   - directory: The state directory.
  ///   - config: The file that the policies are compiled from.
  package init(tool: CPath? = nil, directory: CPath? = nil, config: CPath? = nil) {
    self.tool = tool
    self.directory = directory
    self.config = config
    waiting = nil
    inHand = nil
    child = nil
  }

  /// Whether images are kept at all.
  package var keeps: Bool { tool != nil && directory != nil && config != nil }

  /// Takes the image of the policy in force, to be kept as soon as memory allows.
  package mutating func offer(_ image: consuming OwnedDescriptor) {
    guard keeps else { return }
    waiting = .some(image)
  }

  /// Whether an image waits, and none is being written.
  package var isDue: Bool {
    switch (waiting.isNil, child.isNil) {
    case (false, true): true
    default: false
    }
  }

  /// Whether nothing is left to be kept, or it takes too long.
  package func isSettled(at now: Nanoseconds) -> Bool {
    waiting.isNil && (child.isNil || now >= deadline)
  }

  /// Starts the writer and has the machine's wait told of its exit.
  mutating func begin<M: Machine & ~Copyable>(_ machine: inout M, at now: Nanoseconds) throws(Errno) {
    guard isDue, let tool, let directory, let config, let image = waiting.take() else { return }
    let started = try Child.start(
      tool,
      [
        CPath("spillway"), CPath("keep"), CPath(descriptor: image.raw), CPath("--state-dir"), directory,
        CPath("--config"), config,
      ],
      inheriting: image)
    try machine.watch(started.handle.descriptor.raw, .readableOnce, tag: WakeTag.keeper)
    child = consume started
    inHand = .some(image)
    deadline = now + PolicyKeeper.limit
  }

  /// Collects a writer that has exited.
  ///
  /// - Returns: Whether the image is kept.
  package mutating func finish() -> Bool {
    inHand = nil
    guard let ended = child.take(), let status = try? ended.wait() else { return false }
    return status == 0
  }

  /// Kills a writer that takes too long; its exit then wakes the loop.
  package mutating func giveUp(at now: Nanoseconds) {
    switch child {
    case .some(let child):
      if now >= deadline { try? child.handle.send(.kill) }
    case .none: break
    }
  }
}

extension Optional where Wrapped: ~Copyable {
  fileprivate var isNil: Bool {
    switch self {
    case .some: false
    case .none: true
    }
  }
}
