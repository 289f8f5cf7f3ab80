import ArgumentParser
import Flight
import LinuxSystem
import ProcModel

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Take a flight: what the agent sees now, for replay, rank, explain and diff.",
    discussion: """
      If an agent runs that records flights (--flights), it saves its ring at once, and the file is a copy of that: the \
      minutes up to now, by the agent's policy. Otherwise the command records by itself: it runs spillwayd in dry run for \
      some seconds. Such a flight has the executable, the control group and the scores of every process, so that any \
      policy can be tried on it. SIGINT (Ctrl-C) ends the seconds early, and the flight is taken all the same. The file \
      may be read by its owner only.
      """)

  @Argument(help: ArgumentHelp("The file to write. Its directory has to exist.", valueName: "file"))
  var file: String

  @Option(
    help: ArgumentHelp(
      """
      Seconds to record, 1 to \(RecordCommand.mostSeconds). Default: 10 without an agent. With an agent: seconds to wait \
      before the flight is taken, by default none.
      """,
      valueName: "count"))
  var seconds: UInt64?

  @Option(
    help: ArgumentHelp(
      """
      Record without the running agent, by this policy file or preset. Default: /etc/spillway/spillway.toml, or the \
      built-in preset `server` if that file does not exist.
      """,
      valueName: "file"))
  var policy: String?

  @Flag(help: "Record without the running agent, with the command line of every process. It may hold secrets.")
  var commandLines = false

  @Flag(help: "Record without the running agent.")
  var alone = false

  @Option(help: ArgumentHelp("The agent to ask, where several run.", valueName: "pid"))
  var pid: Int32?

  @Flag(help: "Replace the file if it exists.")
  var force = false

  /// The ring reaches back about so far, where there is much to record.
  private static let mostSeconds: UInt64 = 3600
  private static let usualSeconds: UInt64 = 10

  func validate() throws {
    if let seconds, !(1...RecordCommand.mostSeconds).contains(seconds) {
      throw ValidationError("--seconds must be from 1 to \(RecordCommand.mostSeconds), not \(seconds)")
    }
    if pid != nil, isAlone {
      throw ValidationError("--pid names an agent to ask; --policy, --command-lines and --alone do without one")
    }
  }

  /// Whether what is asked for is not what a running agent would give.
  private var isAlone: Bool { alone || commandLines || policy != nil }

  func run() throws {
    try reportingFailures { () throws(Failure) in
      // First, since what is recorded would otherwise be lost.
      var target = try NewFile(file, replacing: force)
      let bytes: [UInt8]
      if let agent = try chosen() {
        bytes = try AskedFlight.take(from: agent, after: seconds ?? 0)
      } else {
        let loaded = try LoadedPolicy.named(policy)
        let recording = try OwnRecording(by: loaded, withCommandLines: commandLines)
        bytes = try recording.take(for: seconds ?? RecordCommand.usualSeconds)
      }
      try target.write(bytes)
      Output().write("\(file): \(FlightDescription(bytes))\n")
    }
  }

  /// The agent to ask; nil where this command records by itself.
  private func chosen() throws(Failure) -> RunningAgent? {
    if isAlone { return nil }
    let all = try RunningAgent.all()
    let agents = all.filter { $0.flights != nil && !$0.isRecording }
    if let pid {
      guard let agent = agents.first(where: { $0.pid == pid }) else {
        throw Failure(
          .usage,
          "\(pid) is no agent that records flights; "
            + (agents.isEmpty ? "there is none" : "those are \(RecordCommand.list(agents))"))
      }
      return agent
    }
    if agents.isEmpty, let other = all.first(where: { !$0.isRecording }) {
      StandardError.write("spillway: the agent \(other.pid) records no flights (--flights): recording without it\n")
    }
    guard agents.count < 2 else {
      throw Failure(
        .usage, "several agents record flights: \(RecordCommand.list(agents)); name one with --pid, or add --alone")
    }
    return agents.first
  }

  private static func list(_ agents: [RunningAgent]) -> String {
    agents.map { "\($0.pid)" }.joined(separator: ", ")
  }
}

/// What a flight is, in a line.
struct FlightDescription: CustomStringConvertible {
  let description: String

  init(_ bytes: [UInt8]) {
    let size = amount(KiB((UInt64(bytes.count) + 1023) / 1024))
    do throws(FlightError) {
      var reader = try FlightReader(bytes)
      var (first, last): (Nanoseconds?, Nanoseconds?) = (nil, nil)
      var decisions = 0
      var problem = ""
      do throws(FlightError) {
        while let entry = try reader.next() {
          first = first ?? entry.time
          last = entry.time
          if case .decision = entry.item { decisions += 1 }
        }
      } catch {
        problem = "; \(error.sentence)"
      }
      let span = (last ?? .zero) - (first ?? .zero)
      let agent = "agent \(reader.header.ownPID), \(reader.header.isRehearsal ? "dry run" : "armed")"
      let policy = reader.policies.last.map { visible($0.name.span) } ?? "none"
      description =
        "\(span.seconds) s of \(agent), policy \(policy), "
        + "\(decisions) \(decisions == 1 ? "decision or outcome" : "decisions and outcomes"), \(size)\(problem)"
    } catch {
      description = "\(size), \(error.sentence)"
    }
  }
}

extension FlightError {
  /// What is wrong, with its number and place.
  var sentence: String { "\(message)\(number.map { " \($0)" } ?? ""), at byte \(offset)" }
}

extension Nanoseconds {
  /// Seconds with three decimals.
  var seconds: String {
    let whole = milliseconds
    return "\(whole / 1000).\(String(whole % 1000 + 1000).dropFirst())"
  }
}
