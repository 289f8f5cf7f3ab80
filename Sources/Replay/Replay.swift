import Agent
package import Flight
package import LinuxSystem
package import Policy
import Pressure
package import ProcModel
import Record

/// Runs the agent over a flight: the same code, asked by nothing but what the flight tells, comes to its decisions
/// anew.
package struct Replay {
  package let header: FlightHeader
  package let policies: [FlightPolicy]
  /// How the flight ends; nil where it was not read from bytes.
  package let ending: FlightEnding?
  private let entries: [FlightEntry]

  /// Why a flight cannot be replayed.
  package enum Failure: Error, Equatable {
    case unreadable(FlightError)
    /// The policy's image is of another format, or damaged.
    case policy(ImageError)
    /// The flight does not begin with the agent's start, and has no quiet stretch in which nothing is left of what the
    /// agent remembered from before.
    case neverQuiet
    /// The image of a policy that was in force is not in the flight: two reloads came after it.
    case policyLost(UInt32)
    /// The kernel has no memory file or event loop for it.
    case machine(Errno)
  }

  /// - Parameter bytes: A whole flight, or what is left of one.
  package init(_ bytes: [UInt8]) throws(Failure) {
    do throws(FlightError) {
      var reader = try FlightReader(bytes)
      var entries: [FlightEntry] = []
      while let entry = try reader.next() { entries.append(entry) }
      header = reader.header
      policies = reader.policies
      ending = reader.ending
      self.entries = entries
    } catch {
      throw .unreadable(error)
    }
  }

  package init(header: FlightHeader, policies: [FlightPolicy], entries: [FlightEntry]) {
    self.header = header
    self.policies = policies
    self.entries = entries
    ending = nil
  }

  /// The items, to be looked at or changed.
  package var items: [FlightEntry] { entries }

  /// Runs it: from the agent's start where the flight has that, else from the first quiet stretch (``QuietStretch``).
  package func run() throws(Failure) -> Outcome {
    if case .state = entries.first?.item {
    } else if policies.first?.number == 0 {
      return try run(from: nil)
    }
    var search = QuietStretch.Search(entries, span: try span())
    while let stretch = search.next() {
      if let reload = reload(before: stretch) {
        search.goOn(after: reload)
        continue
      }
      let outcome = try run(from: stretch)
      // What the agent remembered from before made it act otherwise than one that knows nothing of it.
      if let divergence = outcome.divergence, divergence.item < stretch.end {
        search.goOn(after: divergence.item)
        continue
      }
      return outcome
    }
    throw .neverQuiet
  }

  /// The reload, by its item, that has to come before a stretch can be replayed: the image of the policy in force there
  /// is not in the flight. Nil where it is.
  private func reload(before stretch: QuietStretch) -> Int? {
    let number = FlightCursor(entries, from: header.started, at: stretch.start).policy
    guard !policies.contains(where: { $0.number == number }) else { return nil }
    return entries[stretch.start...].firstIndex { if case .policy = $0.item { true } else { false } } ?? entries.count
  }

  /// The longest time over which a trigger of any of the policies looks back.
  private func span() throws(Failure) -> Nanoseconds {
    var span = Nanoseconds.zero
    for policy in policies {
      let compiled = try compiled(policy)
      span = max(span, compiled.settings.thresholds.span)
      for domain in compiled.domains { span = max(span, domain.settings.thresholds.span) }
    }
    return span
  }

  private func run(from stretch: QuietStretch?) throws(Failure) -> Outcome {
    let cursor = FlightCursor(entries, from: header.started, at: stretch?.start ?? 0)
    guard let first = policies.first(where: { $0.number == cursor.policy }) else { throw .policyLost(cursor.policy) }
    let policy = try compiled(first)
    do throws(Errno) {
      let file = try MemoryFile.create(CPath("replay"))
      let spoken = try MemoryFile.create(CPath("replay-messages"))
      var agent = Agent(
        machine: FlightMachine(cursor, header),
        reporter: Reporter(
          recorder: Recorder(
            sink: try OwnedDescriptor.duplicate(file.raw), isDryRun: header.isRehearsal,
            run: RunID(boot: header.bootID, startedAt: header.started), sinceEpoch: { 0 }),
          messages: Messages(to: spoken.raw), kernelLog: nil),
        policy: policy,
        constants: AgentConstants(units: header.units, ownPID: header.ownPID, fill: header.fill),
        reload: ReloadCourse(Reloader(compiler: nil, config: nil)),
        supervision: Supervision(
          mode: AgentMode(isDryRun: header.isRehearsal, policy: CPath(first.name), rules: policy.rules.count)))
      if stretch == nil {
        agent.reportStart(version: "", Privileges(), nil)
        agent.begin()
      }
      try drive(&agent, cursor)
      return Outcome(
        recorded: cursor.lines(from: stretch?.end ?? 0), computed: try lines(of: file), divergence: cursor.divergence,
        from: stretch.map { entries[$0.start].time - header.started })
    } catch {
      throw .machine(error)
    }
  }

  /// The memory that was available to the system, at each reading of it.
  package var memory: [(time: Nanoseconds, available: KiB)] {
    entries.compactMap { entry in
      guard case .memory(let told) = entry.item, told.domain == 0, case .reading(let reading) = told.outcome else {
        return nil
      }
      return (entry.time, reading.available)
    }
  }

  /// The policy in force at the flight's first item, and its name.
  package func firstPolicy() throws(Failure) -> (policy: CompiledPolicy, name: String) {
    var number: UInt32 = 0
    if case .state(let state) = entries.first?.item { number = state.policy }
    guard let policy = policies.first(where: { $0.number == number }) else { throw .policyLost(number) }
    return (try compiled(policy), String(decoding: policy.name, as: UTF8.self))
  }

  private func compiled(_ policy: FlightPolicy) throws(Failure) -> CompiledPolicy {
    do throws(ImageError) {
      return try CompiledPolicy(image: policy.image.span)
    } catch {
      throw .policy(error)
    }
  }

  private func drive(_ agent: inout Agent<FlightMachine>, _ cursor: FlightCursor) throws(Errno) {
    while cursor.divergence == nil, !cursor.isAtEnd {
      let wake = try agent.machine.wait()
      if wake == .ready(tag: WakeTag.compiler), let next = cursor.policyAhead {
        guard let policy = policies.first(where: { $0.number == next }), let new = try? compiled(policy) else {
          return cursor.stop(at: "policy \(next)", "no whole image of it")
        }
        agent.putInForce(new)
      } else if agent.take(wake) != nil {
        return
      }
      _ = agent.tick()
    }
  }

  /// The lines of decisions and outcomes in a record.
  private func lines(of file: borrowing OwnedDescriptor) throws(Errno) -> [[UInt8]] {
    // A line takes some 6 KiB, and at least a tick, a reading and a moment go before it.
    var buffer = [UInt8](repeating: 0, count: (1 << 20) + entries.count * 2048)
    let count = try file.readWhole(into: &buffer)
    return buffer[..<count].split(separator: UInt8(ascii: "\n")).map { Array($0) + [UInt8(ascii: "\n")] }
      .filter { RecordLine($0).isOfAnIncident }
  }
}
