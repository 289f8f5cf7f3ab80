import ArgumentParser
import Flight
import FoundationEssentials
import LinuxSystem
import Policy
import ProcModel
import Replay

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Run the agent over a flight, and compare what it decides with what it decided.",
    discussion: """
      A flight is what an agent saw, which it saves with --flights. The same code goes through it: the readings of memory, \
      the processes and what each kill call came to are the flight's, and every verdict, ranking and decision is computed \
      anew. Exits with 0 where all decisions and outcomes are the same, field by field, and with 1 at a difference, which \
      is named. The flight has to begin with the agent's start.
      """)

  @Argument(help: ArgumentHelp("The flight.", valueName: "flight"))
  var file: String

  @Flag(help: "Print the lines of the record as they were computed, as JSON Lines.")
  var json = false

  func run() throws {
    var isDifferent = false
    try reportingFailures { () throws(Failure) in
      let replay = try open()
      let outcome: Replay.Outcome
      do throws(Replay.Failure) {
        outcome = try replay.run()
      } catch {
        throw ReplayCommand.failure(error, file)
      }
      isDifferent = outcome.difference != nil
      if json {
        for line in outcome.computed { Output().write(String(decoding: line, as: UTF8.self)) }
      } else {
        describe(replay, outcome)
      }
      if let difference = outcome.difference { StandardError.write("spillway: \(file) differs: \(difference)\n") }
    }
    if isDifferent { throw ArgumentParser.ExitCode(1) }
  }

  private func open() throws(Failure) -> Replay {
    guard let bytes = FileManager.default.contents(atPath: file) else {
      throw Failure(.usage, "\(file) cannot be read")
    }
    do throws(Replay.Failure) {
      return try Replay([UInt8](bytes))
    } catch {
      throw ReplayCommand.failure(error, file)
    }
  }

  private static func failure(_ failure: Replay.Failure, _ file: String) -> Failure {
    switch failure {
    case .unreadable(let error): Failure(.configuration, "\(file): \(error.message)")
    case .policy(let error): Failure(.configuration, "\(file): the policy in it: \(error.message)")
    case .beginsLater:
      Failure(
        .configuration,
        "\(file) does not begin with the agent's start: what the agent remembered from before is not in it")
    case .machine(let errno): Failure(.kernelFeature, "the replay has no memory file: \(errno.text)")
    }
  }

  private func describe(_ replay: Replay, _ outcome: Replay.Outcome) {
    let output = Output()
    let header = replay.header
    let policy = replay.policies.first.map { String(decoding: $0.name, as: UTF8.self) } ?? "none"
    let span = replay.items.last.map { ($0.time - header.started).milliseconds } ?? 0
    output.write(
      "\(file): \(header.isRehearsal ? "dry run" : "armed") of spillway "
        + "\(String(decoding: header.agentVersion, as: UTF8.self)), policy \(policy), "
        + "\(span / 1000).\(String(span % 1000 + 1000).dropFirst()) s in \(replay.items.count) items\n")
    if case .cutOff(let offset) = replay.ending { output.write("the flight is cut off at byte \(offset)\n") }
    let lines = outcome.recorded.count
    output.write(
      outcome.difference == nil
        ? "\(lines) \(lines == 1 ? "decision or outcome" : "decisions and outcomes"): all as recorded\n"
        : "\(lines) recorded, \(outcome.computed.count) computed\n")
  }
}
