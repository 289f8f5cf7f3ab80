import ArgumentParser
import History
import LinuxSystem

/// The period of time that a command looks back on.
struct PeriodOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Leave out what was before this time, such as \"2 days ago\", yesterday or \"2026-11-30 10:00\".",
      valueName: "time"))
  var since: String?

  @Option(help: ArgumentHelp("Leave out what was after this time.", valueName: "time"))
  var until: String?

  func resolved() throws(Failure) -> Period {
    let period = Period(since: try moment(since, "--since"), until: try moment(until, "--until"))
    if let since = period.since, let until = period.until, since > until {
      throw Failure(.usage, "--since is later than --until: nothing is between them")
    }
    return period
  }

  private func moment(_ text: String?, _ option: String) throws(Failure) -> WallTime? {
    guard let text else { return nil }
    guard let moment = TimeExpression.moment(text, now: PastOptions.now, zone: PastOptions.zone) else {
      throw Failure(.usage, "\(option) \(visible(Array(text.utf8).span)): \(TimeExpression.forms)")
    }
    return moment
  }
}

/// How much a command tells.
struct MostOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Tell of at most this many, the newest.", valueName: "count"))
  var limit = 1000

  func validate() throws {
    guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit must be from 1 to 1000000") }
  }
}
