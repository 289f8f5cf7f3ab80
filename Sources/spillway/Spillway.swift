import ArgumentParser
import LinuxSystem
import Record

/// The operator's tool.
@main
struct Spillway: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spillway",
    abstract: "Kills the process whose loss costs least, before the kernel has to pick one blindly.",
    discussion: """
      Exit codes: 0 success; 1 `diff` or `replay` found a difference, or `why` no trace; 64 wrong usage; 69 the kernel \
      lacks a feature; 75 `run` stopped to be started again, armed; 77 no permission; 78 a mistake in a policy or configuration.
      """,
    version: spillwayVersion,
    subcommands: [
      Run.self, HistoryCommand.self, Why.self, LogCommand.self, Audit.self, Rank.self, Explain.self, Diff.self,
      RecordCommand.self, ReplayCommand.self,
      Check.self, Import.self,
      Compile.self, Keep.self,
    ])
}

/// A reason to stop, and the exit code for it.
struct Failure: Error, CustomStringConvertible {
  var code: ExitStatus
  var description: String
  /// The reason in one line, where it has been printed already and ``description`` is empty.
  var told: String

  init(_ code: ExitStatus, _ description: String, told: String = "") {
    self.code = code
    self.description = description
    self.told = told
  }
}

/// Runs `body`. A ``Failure`` is printed on standard error, and the program exits with its code.
func reportingFailures(_ body: () throws(Failure) -> Void) throws {
  do throws(Failure) {
    try body()
  } catch {
    if !error.description.isEmpty { StandardError.write("spillway: \(error.description)\n") }
    throw ArgumentParser.ExitCode(error.code.rawValue)
  }
}
