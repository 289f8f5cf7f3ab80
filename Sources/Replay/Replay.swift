import Agent
package import Flight
package import LinuxSystem
package import Policy
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
    /// The flight does not begin with the agent's start: what it remembered from before is not in it.
    case beginsLater
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

  /// Runs it.
  package func run() throws(Failure) -> Outcome {
    if let first = entries.first, case .state = first.item { throw .beginsLater }
    // Two reloads put the policy of the start out of the flight.
    guard let first = policies.first, first.number == 0 else { throw .beginsLater }
    let cursor = FlightCursor(entries, from: header.started)
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
      agent.reportStart(version: "", Privileges(), nil)
      agent.begin()
      try drive(&agent, cursor)
      return Outcome(recorded: cursor.lines.map(\.bytes), computed: try lines(of: file), divergence: cursor.divergence)
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
    guard let policy = policies.first(where: { $0.number == number }) else { throw .beginsLater }
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

extension Replay {
  /// What a replay came to.
  package struct Outcome: Sendable {
    /// The record's lines of decisions and outcomes: as they were written, and as they were computed now.
    package var recorded: [[UInt8]]
    package var computed: [[UInt8]]
    /// Where the agent asked what the flight does not tell; nil where it was asked to its end.
    package var divergence: Divergence?

    /// The first difference, in words; nil where all is the same.
    package var difference: String? {
      for index in 0..<max(recorded.count, computed.count) {
        guard index < recorded.count else {
          return "line \(index + 1) was not recorded: \(RecordLine(computed[index]).title)"
        }
        guard index < computed.count else { break }
        if let field = RecordLine(recorded[index]).firstDifference(from: RecordLine(computed[index])) {
          return "line \(index + 1), \(RecordLine(recorded[index]).title): \(field)"
        }
      }
      if let divergence {
        return "item \(divergence.item): the agent asks for \(divergence.asked), and the flight has \(divergence.found)"
      }
      if computed.count < recorded.count {
        return "line \(computed.count + 1) was not reached: \(RecordLine(recorded[computed.count]).title)"
      }
      return nil
    }
  }
}
