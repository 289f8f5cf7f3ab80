import ArgumentParser
import FoundationEssentials
import LinuxSystem
import PolicyFile
import Replay

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Run the agent over a flight: compare what it decides with what it decided, or try another policy on it.",
    discussion: """
      A flight is what an agent saw, which it saves with --flights. The same code goes through it: the readings of memory, \
      the processes and what each kill call came to are the flight's, and every verdict, ranking and decision is computed \
      anew. Exits with 0 where all decisions and outcomes are the same, field by field, and with 1 at a difference, which \
      is named. A flight that does not begin with the agent's start is replayed from its first quiet stretch on.

      With --policy, another policy is tried on the flight: when it would have acted, and what it would have killed. \
      Nothing that the flight does not tell is made up: the agent looks at the recorded moments, at the processes as they \
      were read last. Exits with 1 where it would have chosen other victims, or more or fewer, than the flight's own \
      policy tried in the same way.

      With --sweep, one number of the policy is varied, and the consequence of each value is printed.
      """)

  @Argument(help: ArgumentHelp("One flight or several.", valueName: "flight"))
  var files: [String]

  @Option(
    help: ArgumentHelp("Try this policy file, or the preset of that name, on the flight.", valueName: "file"))
  var policy: String?

  @Option(
    help: ArgumentHelp(
      """
      Try values of one setting, of --policy or else of the flight's own policy: trigger.floor.available=2%..20% tries \
      ten, …/19 as many as that.
      """, valueName: "setting=low..high"))
  var sweep: String?

  @Option(help: ArgumentHelp("With --sweep, also draw the consequences as a page of HTML.", valueName: "file"))
  var html: String?

  @Flag(
    help: "Print the lines of the record as they were computed, or with --sweep a line for each value, as JSON Lines.")
  var json = false

  func validate() throws {
    if html != nil, sweep == nil { throw ValidationError("--html draws what --sweep tries: give --sweep as well") }
    if html != nil, files.count > 1 { throw ValidationError("--html draws one flight, not \(files.count)") }
  }

  func run() throws {
    var differing = 0
    try reportingFailures { () throws(Failure) in
      if let sweep {
        try run(sweep)
      } else if let policy {
        differing = try run(policy: policy)
      } else {
        for file in files where try !isAsRecorded(file) { differing += 1 }
      }
    }
    if differing > 0 { throw ArgumentParser.ExitCode(1) }
  }

  /// Compares a flight with its replay. False where they differ.
  private func isAsRecorded(_ file: String) throws(Failure) -> Bool {
    let flight = try OpenedFlight(file)
    let outcome = try flight.run()
    if json {
      for line in outcome.computed { Output().write(String(decoding: line, as: UTF8.self)) }
    } else {
      Output().write(ReplayReport(flight).text(outcome))
    }
    if let difference = outcome.difference { StandardError.write("spillway: \(file) differs: \(difference)\n") }
    return outcome.difference == nil
  }

  /// Tries a policy on each flight.
  ///
  /// - Returns: The number of flights over which it decides otherwise than the flight's own.
  private func run(policy name: String) throws(Failure) -> Int {
    let loaded = try LoadedPolicy.named(name)
    var differing = 0
    for file in files {
      let flight = try OpenedFlight(file)
      let own = try flight.ownPolicy()
      let trial = try flight.tried(loaded.policy, named: loaded.name)
      // What was recorded may have been decided on more than a flight tells: two trials are compared.
      let report = TrialReport(
        flight, own: try flight.tried(own.policy, named: own.name), trial, policy: loaded.name)
      if report.differs { differing += 1 }
      let output = Output()
      if json {
        for decision in trial.decisions { output.write(String(decoding: decision.line, as: UTF8.self) + "\n") }
      } else {
        output.write(report.text(isBrief: files.count > 1, output))
      }
    }
    if files.count > 1, !json {
      Output().write("\(differing) of \(files.count) flights decided otherwise\n")
    }
    return differing
  }

  private func run(_ text: String) throws(Failure) {
    let sweep: SettingSweep
    do throws(QuantityError) {
      sweep = try SettingSweep(parsing: text)
    } catch {
      throw Failure(.usage, "--sweep \(text): \(error.what): \(error.meant)")
    }
    for file in files {
      let flight = try OpenedFlight(file)
      let base: SweptPolicy
      if let policy {
        let loaded = try LoadedPolicy.named(policy)
        base = SweptPolicy(policy: loaded.policy, name: loaded.name)
      } else {
        base = try flight.ownPolicy()
      }
      let result = try SweepResult(sweep, of: base, over: flight)
      if json {
        Output().write(result.json)
      } else {
        let output = Output()
        output.write(result.text(output))
      }
      if let html { try write(SweepPage(result, flight.replay).text, to: html) }
    }
  }

  private func write(_ page: String, to path: String) throws(Failure) {
    do {
      try Data(page.utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw Failure(.usage, "\(path) cannot be written: does its folder exist, and may it be written?")
    }
  }
}
