import FoundationEssentials
import LinuxSystem
import Policy
import PolicyFile
import Record

/// The policy that an agent starts with: the one that was asked for; where that cannot be used, the one that was last in
/// force; and failing that the built-in preset, in dry run.
struct StartPolicy: ~Copyable {
  /// Bytes of a reason that the agent is told.
  static let maximumReason = 1024
  /// A compiler that takes longer is killed: a name service that does not answer must not keep the machine without an
  /// agent.
  private static let patience: Int32 = 10_000

  /// What the agent is told of it.
  private(set) var words: [String]
  /// The image, which the agent inherits; nil where the agent has it built in.
  private let image: OwnedDescriptor?
  /// What is in force in place of the policy that was asked for.
  let fallback: PolicyFallback?

  private init(_ image: consuming OwnedDescriptor?, _ words: [String] = [], fallback: PolicyFallback? = nil) {
    self.words = words
    switch image {
    case .some(let image): self.words += ["--image-fd", "\(image.raw)"]
    case .none: break
    }
    self.image = image
    self.fallback = fallback
  }

  /// - Parameters:
  ///   - config: The file that was named; without one the system's, and without that too the built-in preset.
  ///   - store: Where the policy in force is kept; nil keeps none.
  ///   - isStrict: Whether a policy that cannot be used is a failure.
  static func choose(_ config: String?, store: PolicyStore?, isStrict: Bool) throws(Failure) -> StartPolicy {
    let system = LoadedPolicy.systemPath
    guard let path = config ?? (FileManager.default.fileExists(atPath: system) ? system : nil) else {
      return StartPolicy(try file(of: try LoadedPolicy.load(nil).image()))
    }
    var policy = try policy(of: path, store, isStrict: isStrict)
    if let own = Programs.own { policy.words += ["--config", path.absolute, "--compiler", own] }
    if let store { policy.words += ["--state-dir", store.directory] }
    return policy
  }

  private static func policy(
    of path: String, _ store: PolicyStore?, isStrict: Bool
  ) throws(Failure) -> StartPolicy {
    do throws(Failure) {
      return StartPolicy(try compile(path))
    } catch {
      if isStrict { throw error }
      if !error.description.isEmpty { StandardError.write("spillway: \(error.description)\n") }
      let reason = error.description.isEmpty ? error.told : error.description
      return try standIn(for: path, because: reason.isEmpty ? "\(path) cannot be used" : reason, store)
    }
  }

  private static func standIn(
    for path: String, because reason: String, _ store: PolicyStore?
  ) throws(Failure) -> StartPolicy {
    var reason = String(decoding: reason.utf8.prefix(maximumReason), as: UTF8.self)
    switch store.map({ store in Result { () throws(PolicyStore.Refusal) in try store.read() } }) {
    case .success(let kept):
      let source = String(decoding: kept.source, as: UTF8.self)
      if source != path.absolute { reason += " (what is in force was compiled from \(source))" }
      return StartPolicy(
        try file(of: kept.image), ["--last-good", "\(kept.keptAt)", "--because", reason],
        fallback: PolicyFallback(.lastGood(keptAt: kept.keptAt), because: Array(reason.utf8)))
    case .failure(let refusal): reason += "; and there is no last good one: \(refusal.text)"
    case nil: break
    }
    return StartPolicy(
      nil, ["--built-in", "--because", reason], fallback: PolicyFallback(.builtIn, because: Array(reason.utf8)))
  }

  /// Compiles a file in another process, which may crash, hang or be killed.
  private static func compile(_ path: String) throws(Failure) -> OwnedDescriptor {
    guard let own = Programs.own else { return try file(of: try LoadedPolicy.load(path: path).image()) }
    let compiler: PolicyCompilerRun
    do throws(Errno) {
      compiler = try PolicyCompilerRun(own, path)
    } catch {
      // Where there is no room for another process, or no pidfd, it is done here.
      return try file(of: try LoadedPolicy.load(path: path).image())
    }
    guard compiler.child.hasExited(withinMilliseconds: patience) else {
      try? compiler.child.handle.send(.kill)
      // One that hangs in the kernel is left to itself.
      if compiler.child.hasExited(withinMilliseconds: 1000) { _ = try? compiler.child.wait() }
      throw Failure(.configuration, "\(path): compiling it took longer than \(patience / 1000) s")
    }
    let status = (try? compiler.child.wait()) ?? ExitStatus.configuration.rawValue
    if status > 128 { throw Failure(.configuration, "\(path): the compiler was killed by signal \(status - 128)") }
    if status != 0 {
      let code = ExitStatus(rawValue: status) ?? .configuration
      throw Failure(code, "", told: String(decoding: (try? bytes(of: compiler.reason)) ?? [], as: UTF8.self))
    }
    return try checked(compiler.image, of: path)
  }

  /// An image that the agent will read as this program reads it.
  private static func checked(_ image: borrowing OwnedDescriptor, of path: String) throws(Failure) -> OwnedDescriptor {
    let content: [UInt8]
    do throws(Errno) {
      content = try bytes(of: image)
    } catch {
      throw Failure(.configuration, "\(path): what was compiled cannot be read: \(error.text)")
    }
    do throws(ImageError) {
      _ = try CompiledPolicy(image: content.span)
    } catch {
      throw Failure(.configuration, "\(path): \(error.sentence)")
    }
    return try file(of: content)
  }

  private static func bytes(of file: borrowing OwnedDescriptor) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: ImageLayout.maximumLength + 1)
    let count = try file.readWhole(into: &bytes)
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// A file without a name that holds this image for good, and that a program executed next keeps.
  private static func file(of image: [UInt8]) throws(Failure) -> OwnedDescriptor {
    do throws(Errno) {
      let file = try MemoryFile.create(CPath("spillway-policy"))
      try file.write(image.span)
      try MemoryFile.seal(file)
      try file.setCloseOnExec(false)
      return file
    } catch {
      throw Failure(.kernelFeature, "there is no room for a policy in memory: \(error.text)")
    }
  }
}

/// `spillway compile`, with a file for the image and one for the reason why there is none.
private struct PolicyCompilerRun: ~Copyable {
  let image: OwnedDescriptor
  let reason: OwnedDescriptor
  let child: Child

  init(_ program: String, _ path: String) throws(Errno) {
    let image = try MemoryFile.create(CPath("spillway-policy"))
    let reason = try MemoryFile.create(CPath("spillway-reason"))
    try reason.setCloseOnExec(false)
    child = try Child.start(
      CPath(program),
      [
        CPath("spillway"), CPath("compile"), CPath(path), CPath("-o"), CPath(descriptor: image.raw),
        CPath("--reason-to"), CPath(descriptor: reason.raw),
      ], inheriting: image)
    // A later program has no use for it.
    try? reason.setCloseOnExec(true)
    self.image = image
    self.reason = reason
  }
}

extension PolicyStore {
  /// The one that was named, or else the service's, whose manager names it in `STATE_DIRECTORY`; several are separated by
  /// colons, and the first is meant (systemd.exec(5)).
  static func ofService(_ named: String?) -> PolicyStore? {
    let ofManager = ProcessInfo.processInfo.environment["STATE_DIRECTORY"]?.split(separator: ":").first.map(String.init)
    guard let directory = named ?? ofManager, !directory.isEmpty else { return nil }
    return PolicyStore(directory.absolute, user: OwnProcess.effectiveUID)
  }
}
