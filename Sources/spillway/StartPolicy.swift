import FoundationEssentials
import LinuxSystem
import Policy
import PolicyFile
import Record

/// The policy that an agent starts with: the one that was asked for. If that cannot be used, the policy that was last
/// in force. If no such policy is kept, the built-in preset, in dry run.
struct StartPolicy: ~Copyable {
  /// Longest reason that is passed to the agent, in bytes.
  static let maximumReason = 1024
  /// Milliseconds after which the compiler is killed: a name service that does not answer must not keep the machine
  /// without an agent.
  private static let patience: Int32 = 10_000

  /// The agent's command-line arguments for this policy.
  private(set) var words: [String]
  /// The image, which the agent inherits; nil for the policy that is built into the agent.
  private let image: OwnedDescriptor?
  /// What stands in for the policy that was asked for; nil where that policy is used.
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
  ///   - config: The policy file; nil for that of the system, or the built-in preset if the system has none.
  ///   - store: Where the policy in force is kept; nil to keep none.
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
      if source != path.absolute { reason += " (the policy in force was compiled from \(source))" }
      return StartPolicy(
        try file(of: kept.image), ["--last-good", "\(kept.keptAt)", "--because", reason],
        fallback: PolicyFallback(.lastGood(keptAt: kept.keptAt), because: Array(reason.utf8)))
    case .failure(let refusal): reason += "; and there is no last good policy: \(refusal.text)"
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
      // Without memory for another process, or without pidfds, this process compiles the policy itself.
      return try file(of: try LoadedPolicy.load(path: path).image())
    }
    guard compiler.child.hasExited(withinMilliseconds: patience) else {
      try? compiler.child.handle.send(.kill)
      // A compiler that hangs in the kernel is not waited for.
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

  /// A sealed copy of an image that was read back and validated.
  private static func checked(_ image: borrowing OwnedDescriptor, of path: String) throws(Failure) -> OwnedDescriptor {
    let content: [UInt8]
    do throws(Errno) {
      content = try bytes(of: image)
    } catch {
      throw Failure(.configuration, "\(path): the compiled image cannot be read: \(error.text)")
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

  /// A sealed memfd that holds this image, and that stays open over execve(2).
  static func file(of image: [UInt8]) throws(Failure) -> OwnedDescriptor {
    do throws(Errno) {
      let file = try MemoryFile.create(CPath("spillway-policy"))
      try file.write(image.span)
      try MemoryFile.seal(file)
      try file.setCloseOnExec(false)
      return file
    } catch {
      throw Failure(.kernelFeature, "no memory file can be created for the policy: \(error.text)")
    }
  }
}

/// A running `spillway compile`, with a file for the image and one for the reason why there is no image.
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
    // The programs that are started later do not need it.
    try? reason.setCloseOnExec(true)
    self.image = image
    self.reason = reason
  }
}

extension PolicyStore {
  /// The store in the directory that was named, or else in the service's state directory. The service manager names
  /// that one in `STATE_DIRECTORY`; of several, which colons separate, the first is used (systemd.exec(5)).
  static func ofService(_ named: String?) -> PolicyStore? {
    let ofManager = ProcessInfo.processInfo.environment["STATE_DIRECTORY"]?.split(separator: ":").first.map(String.init)
    guard let directory = named ?? ofManager, !directory.isEmpty else { return nil }
    return PolicyStore(directory.absolute, user: OwnProcess.effectiveUID)
  }
}
