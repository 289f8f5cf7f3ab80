import ArgumentParser
import History
import LinuxSystem
import Record

struct Why: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say why a process, a unit or an incident came to its end.",
    discussion: """
      Ask by PID, by the name of a process or unit, by the path of a control group or an executable, or by the id of an \
      incident: why 4711, why nginx.service, why java, why 1e4b4a41-8412-3. The answer is whether Spillway, the kernel, \
      systemd-oomd, earlyoom or another killer killed it, or a plain signal did, and why, or that there is no trace of \
      it. The newest such kill is explained, and older ones are listed.

      An exit code says which signal was sent, and not why: 137 is 128 + 9, SIGKILL, and 143 is 128 + 15, SIGTERM. \
      why exit 137 explains that and lists the last kills.

      No privilege is needed for what the caller may read; members of group adm may read all of it. Exits with 1 where \
      there is no trace, and with 77 where nothing could be read for want of a permission.
      """)

  @Argument(
    help: ArgumentHelp(
      "A PID, a unit, a name, a path or an incident; or an exit code, as in exit 137.", valueName: "what"))
  var words: [String]

  @OptionGroup var options: PastOptions

  @Flag(help: "Print a JSON array of what was found, the newest last.")
  var json = false

  /// The most kills that are kept, the newest.
  private static let limit = 500
  /// Older ones that are listed.
  private static let listed = 5

  func run() throws {
    var isFound = true
    try reportingFailures { () throws(Failure) in
      guard let question = WhyQuestion(words) else { throw Failure(.usage, "nothing is asked about") }
      var reading = try PastReading(options)
      // Of Spillway's own there may be very many; of the others one may turn out to be meant only when it is joined with
      // another source.
      let all = try reading.kills(limit: Why.limit, isWanted: { $0.killer != .spillway || question.isAbout($0) }).kills
      let found = all.filter { question.isAbout($0) }
      let output = Output()
      if json {
        output.write(PastKillJSON.text(found))
      } else {
        output.write(text(question, found, among: all, reading.hasDenials, output))
      }
      try reading.tellNotes()
      if case .exit = question { return }
      isFound = !found.isEmpty
    }
    if !isFound { throw ArgumentParser.ExitCode(1) }
  }

  private func text(
    _ question: WhyQuestion, _ found: [PastKill], among all: [PastKill], _ isPartial: Bool, _ output: Output
  ) -> String {
    if case .exit(let code) = question {
      return Paragraph.wrapped(WhyText.meaning(of: code), output) + WhyList.text("The last kills:", found, output)
    }
    var text = ""
    if let newest = found.last {
      text += WhyText.explanation(newest, output: output)
      text += WhyList.text("What was killed after it:", Why.aftermath(of: newest, all), output)
      text += WhyList.text("Before that:", Array(found.dropLast()), output)
    } else {
      text += Paragraph.wrapped(
        "There is no trace of \(question.words): no killer tells of it in what can be read"
          + (isPartial ? ", and not everything may be read (below)" : "") + ".", output)
    }
    if case .pid(let number) = question, number > 128, number < 128 + 32 {
      text += Paragraph.wrapped("If \(number) is no PID but an exit code: \(WhyText.meaning(of: number))", output)
    }
    return text
  }

  /// What others killed within ten minutes after a decision that sent no signal.
  private static func aftermath(of kill: PastKill, _ all: [PastKill]) -> [PastKill] {
    guard kill.deed == .rehearsed, let time = kill.time.wall else { return [] }
    return all.filter { other in
      guard other.killer != .spillway, other.deed == .killed, let later = other.time.wall else { return false }
      return (-5000...600_000).contains(later.since(time))
    }
  }

  /// Kills in a line each.
  enum WhyList {
    static func text(_ heading: String, _ kills: [PastKill], _ output: Output) -> String {
      guard !kills.isEmpty else { return "" }
      let shown = kills.suffix(Why.listed)
      var text = output.styled(heading, .bold) + "\n"
      for kill in shown.reversed() {
        let pid = kill.victim.pid.map { "\($0) " } ?? ""
        text +=
          "  \(PastWords.time(kill.time.wall))  \(PastWords.killer(kill)): \(PastWords.deed(kill)) "
          + "\(pid)(\(PastWords.name(kill)))\(kill.victim.unit.map { " of \(PastWords.text($0))" } ?? "")\n"
      }
      if kills.count > shown.count { text += "  and \(kills.count - shown.count) more: spillway history\n" }
      return text
    }
  }
}
