import Flight
import LinuxSystem

/// The flight of an agent that runs: it saves its ring when it is asked, and this waits for the file.
enum AskedFlight {
  /// Seconds that the agent has to save it.
  private static let patience: UInt64 = 10
  /// A ring has at most 8 MiB, and beside it are the images of two policies.
  private static let longest = 24 << 20

  private static let agentTag = EventLoop.firstFreeTag
  private static let folderTag = EventLoop.firstFreeTag + 1

  /// - Parameters:
  ///   - seconds: How long to wait before the agent is asked. SIGINT and SIGTERM end that early.
  /// - Returns: The bytes of the flight.
  static func take(from agent: RunningAgent, after seconds: UInt64) throws(Failure) -> [UInt8] {
    guard let folder = agent.flights else { throw Failure(.usage, "the agent \(agent.pid) records no flights") }
    let shown = visible(folder.span)
    let handle: ProcessHandle
    do throws(Errno) {
      handle = try ProcessHandle(pid: agent.pid)
    } catch {
      throw error == .noSuchProcess ? exited(agent) : Failure(.kernelFeature, "pidfd_open: \(error.text)")
    }
    // The number is the agent's still, or else the handle is another process's.
    guard RunningAgent(agent.pid) == agent else { throw exited(agent) }
    guard agent.takesRequests else {
      throw Failure(
        .kernelFeature,
        "the agent \(agent.pid) would die of SIGUSR1: it is just starting, or of a release that takes no requests; "
          + "restart it, or add --alone")
    }
    let path = try place(of: folder, agent)
    do throws(Errno) {
      var watch = try FileWatch.open()
      _ = try watch.add(CPath(path))
      var loop = try EventLoop.taking([.interrupt, .terminate, .hangUp])
      try loop.watch(handle.descriptor.raw, .readableOnce, tag: agentTag)
      if seconds > 0 {
        try loop.wake(inNanoseconds: seconds * 1_000_000_000)
        if try loop.wait() == .ready(tag: agentTag) { throw .noSuchProcess }
      }
      let before = try? bytes(in: path)
      watch.drain { _, _ in }
      try loop.watch(watch.raw, tag: folderTag)
      try handle.send(.user1)
      try loop.wake(inNanoseconds: patience * 1_000_000_000)
      while true {
        switch try loop.wait() {
        case .timer: throw .timedOut
        case .signal: throw .interrupted
        case .ready(agentTag): throw .noSuchProcess
        case .ready:
          var isThere = false
          watch.drain { _, name in if name.array == Array(FlightName.asked.utf8) { isThere = true } }
          // Anything may have been done to the file of an earlier request.
          if isThere, let now = try? bytes(in: path), now != before { return now }
        }
      }
    } catch {
      throw failure(error, agent, shown)
    }
  }

  private static func exited(_ agent: RunningAgent) -> Failure {
    Failure(.kernelFeature, "the agent \(agent.pid) has exited")
  }

  private static func failure(_ error: Errno, _ agent: RunningAgent, _ folder: String) -> Failure {
    switch error {
    case .noSuchProcess: exited(agent)
    case .interrupted: Failure(.kernelFeature, "interrupted before the agent \(agent.pid) had saved its flight")
    case .timedOut:
      Failure(
        .kernelFeature,
        "the agent \(agent.pid) has saved no flight in \(folder) within \(patience) s: its messages say why, such as a "
          + "disk that is full")
    case .notPermitted:
      Failure(.noPermission, "the agent \(agent.pid) may not be signalled: run this as root, or add --alone")
    case .accessDenied:
      Failure(
        .noPermission,
        "the flights of the agent \(agent.pid) are in \(folder), which may not be read: run this as root, or add --alone"
      )
    default: Failure(.kernelFeature, "the flights of the agent \(agent.pid) in \(folder): \(error.text)")
    }
  }

  /// The path by which this process reaches the folder.
  private static func place(of folder: [UInt8], _ agent: RunningAgent) throws(Failure) -> [UInt8] {
    do throws(Errno) {
      do throws(Errno) {
        let place = agent.place(of: folder)
        _ = try OwnedDescriptor.open(CPath(place), .read, .directory)
        return place
      } catch {
        // An agent of another user may have the same mounts as this process, which may not look at the agent's.
        guard error == .accessDenied, folder.first == UInt8(ascii: "/") else { throw error }
        _ = try OwnedDescriptor.open(CPath(folder), .read, .directory)
        return folder
      }
    } catch {
      throw failure(error, agent, visible(folder.span))
    }
  }

  private static func bytes(in folder: [UInt8]) throws(Errno) -> [UInt8] {
    let file = try OwnedDescriptor.open(
      CPath(folder + Array("/\(FlightName.asked)".utf8)), .read, [.noFollow, .nonBlocking])
    guard try file.status().kind == .file else { throw .invalidArgument }
    var buffer = [UInt8](repeating: 0, count: longest)
    let count = try file.readWhole(into: &buffer)
    return Array(buffer.prefix(count))
  }
}
