import Flight
import FoundationEssentials
import LinuxSystem

/// A flight of an agent that this program starts for it: in dry run, without a record, and with all that another policy
/// may ask for.
struct OwnRecording: ~Copyable {
  /// Milliseconds that the agent has to stop.
  private static let patience: Int32 = 10_000

  private let policy: LoadedPolicy
  private let hasCommandLines: Bool
  /// Where the agent saves the flight. Only its owner may use it.
  private let folder: String
  /// What the agent says on standard error.
  private let messages: OwnedDescriptor

  init(by policy: LoadedPolicy, withCommandLines hasCommandLines: Bool) throws(Failure) {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    let folder = "\(parent)/spillway-record-\(OwnProcess.pid)-\(UInt64.random(in: 0...UInt64.max))"
    let messages: OwnedDescriptor
    do throws(Errno) {
      let made = try MemoryFile.create(CPath("spillway-messages"))
      try OwnedDescriptor.makeFolder(CPath(folder))
      messages = made
    } catch {
      throw Failure(
        error == .accessDenied ? .noPermission : .kernelFeature,
        "no directory for the flight can be made in \(parent): \(error.text)")
    }
    self.messages = messages
    self.policy = policy
    self.hasCommandLines = hasCommandLines
    self.folder = folder.absolute
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Runs the agent for so long, or until SIGINT or SIGTERM.
  ///
  /// - Returns: The bytes of the flight.
  func take(for seconds: UInt64) throws(Failure) -> [UInt8] {
    guard let agent = Programs.agent else { throw Programs.missingAgent }
    let image = try StartPolicy.file(of: try policy.image())
    let status: Int32
    do throws(Errno) {
      var loop = try EventLoop.taking([.interrupt, .terminate, .hangUp])
      let child = try Child.start(
        CPath(agent), words(image: image.raw).map { CPath($0) }, inheriting: image, errors: messages)
      try loop.watch(child.handle.descriptor.raw, .readableOnce, tag: EventLoop.firstFreeTag)
      try loop.wake(inNanoseconds: seconds * 1_000_000_000)
      if try loop.wait() != .ready(tag: EventLoop.firstFreeTag) { try? child.handle.send(.terminate) }
      if !child.hasExited(withinMilliseconds: OwnRecording.patience) { try? child.handle.send(.kill) }
      status = try child.wait()
    } catch {
      throw Failure(.kernelFeature, "\(agent) cannot be started: \(error.text)")
    }
    guard status == 0 else {
      throw Failure(
        ExitStatus(rawValue: status) ?? .kernelFeature,
        status > 128
          ? "\(agent) was killed by signal \(status - 128) before there was a flight" : "\(agent) did not start\(said)")
    }
    return try flight()
  }

  private func words(image: Int32) -> [String] {
    // The policy's name goes along for people; nothing is compiled again.
    var words = ["spillwayd", "--dry-run", "--image-fd", "\(image)", "--config", policy.path ?? policy.name]
    words += ["--flights", folder, "--flight-in-full"]
    if hasCommandLines { words.append("--flight-command-lines") }
    return words
  }

  /// The flight that was saved at the stop.
  private func flight() throws(Failure) -> [UInt8] {
    guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(FlightName.stopped)") else {
      throw Failure(.kernelFeature, "no flight was saved\(said)")
    }
    return [UInt8](bytes)
  }

  /// What the agent said, for the end of a message.
  private var said: String {
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    guard let count = try? messages.readWhole(into: &buffer), count > 0 else { return "" }
    return ":\n" + String(decoding: buffer.prefix(count), as: UTF8.self).trimmed
  }
}

extension String {
  /// Without the newlines at its end.
  fileprivate var trimmed: String {
    var text = self[...]
    while text.last == "\n" { text.removeLast() }
    return String(text)
  }
}
