import Policy
import Pressure
import ProcModel

/// Converts `/etc/default/earlyoom` to a policy. It knows the options of earlyoom 1.9 (earlyoom(1) and its main.c),
/// which include all of 1.7, the version of Debian 12.
struct EarlyoomImport {
  private let source: ImportSource
  private let machine: ImportMachine?
  private let options: EarlyoomOptions
  private var writer = ImportWriter()
  private var notes: [Diagnostic]
  private var leftOut: [(what: String, why: String)] = []

  init(_ source: ImportSource, machine: ImportMachine?) throws(ImportFault) {
    self.source = source
    self.machine = machine
    notes = []
    options = try EarlyoomOptions(source, notes: &notes)
  }

  func policy() throws(ImportFault) -> ImportedPolicy {
    var copy = self
    return try copy.write()
  }

  private mutating func write() throws(ImportFault) -> ImportedPolicy {
    writer.comment("Made by `spillway import earlyoom` from \(source.file).")
    writer.comment(
      """
      earlyoom protects only processes with oom_score_adj −1000, and so does this policy. `extends = "server"` would \
      also protect logins, logs and the like, and would switch on more triggers; \
      /usr/share/doc/spillway/policy.md says which.
      """)
    writer.line("version = 1")
    try writeTrigger()
    writeBadness()
    try writeAction()
    writeHooks()
    try writeRules()
    writeLeftOut()
    return ImportedPolicy(text: writer.text, notes: notes)
  }

  private var sortsByRSS: Bool { options["--sort-by-rss"] != nil }

  // MARK: Settings

  private mutating func writeTrigger() throws(ImportFault) {
    let memory = try threshold(share: "-m", size: "-M", total: machine?.ram)
    // Without swap earlyoom ignores -S. A machine without swap is below this policy's line for free swap in any case.
    let swap = try threshold(share: "-s", size: "-S", total: machine?.swap)
    writer.line()
    writer.line("[trigger]")
    writer.comment("\(memory.from): act when available memory is at or below this, if free swap is too.")
    if memory.isShare {
      writer.comment(
        """
        Since 1.8 earlyoom's share is of MemAvailable + AnonPages, and before 1.8 of MemTotal. Here it is of MemTotal \
        less the pool of huge pages. That is more than the first, so that the line is met earlier if the kernel or a \
        tmpfs holds much memory, and less than the second if there is such a pool.
        """)
    }
    let line = swap.asks ? ", swap_free = \"\(describe(swap.term))\"" : ""
    writer.comment(swap.asks ? "\(swap.from): the line for free swap." : "\(swap.from): free swap is not checked.")
    writer.line("floor = { available = \"\(describe(memory.term))\"\(line) }")
    writer.release(over: memory.term)
    killsAtOnce = memory.killsAtOnce && (swap.killsAtOnce || !swap.asks || machine?.swap == .zero)
    if !killsAtOnce {
      writer.comment(
        """
        The second threshold, SIGKILL at \(describe(memory.kill)) and \(describe(swap.kill)) of swap, is not carried \
        over: SIGKILL is sent when the grace time is over, or sooner if memory keeps falling.
        """)
    }
  }

  /// Whether both thresholds are equal: earlyoom then sends SIGKILL without SIGTERM before it.
  private var killsAtOnce = false

  private struct Threshold {
    var term: Amount
    var kill: Amount
    /// The options that the threshold comes from.
    var from: String

    var killsAtOnce: Bool { term == kill }
    var isShare: Bool {
      if case .share = term { true } else { false }
    }
    /// Whether the threshold is a condition at all: a threshold of 100 % is always met.
    var asks: Bool { term != .share(.percent(100)) }
  }

  private func threshold(share: String, size: String, total: KiB?) throws(ImportFault) -> Threshold {
    var shares: (option: EarlyoomOptions.Option, pair: (term: Amount, kill: Amount))?
    var sizes = shares
    if let option = options[share] {
      shares = (option, try pair(option, most: 100) { Amount.share(BasisPoints(UInt32($0 / 10))) })
    }
    if let option = options[size] {
      sizes = (option, try pair(option, most: 1 << 40) { Amount.size(KiB($0 / 1000)) })
    }
    switch (shares, sizes) {
    case (nil, nil):
      return Threshold(
        term: .share(.percent(10)), kill: .share(.percent(5)), from: "\(share) 10,5, earlyoom's default")
    case (let (option, pair)?, nil), (nil, let (option, pair)?):
      return Threshold(term: pair.term, kill: pair.kill, from: option.shown)
    case (let (one, first)?, let (other, second)?):
      // earlyoom uses the lower one of the two, which depends on the machine.
      guard let total else {
        return Threshold(
          term: first.term, kill: first.kill,
          from: "\(one.shown) (the lower of it and \(other.shown) on a machine, which is not known here)")
      }
      let isFirst = first.term.of(total) <= second.term.of(total) || total == .zero
      let lower = isFirst ? first : second
      return Threshold(
        term: lower.term, kill: lower.kill,
        from: "\((isFirst ? one : other).shown), on this machine the lower of it and \((isFirst ? other : one).shown)")
    }
  }

  /// Parses `TERM[,KILL]` as earlyoom does. If the second number is missing, it is half the first. A first number below
  /// the second is raised to it.
  private func pair(
    _ option: EarlyoomOptions.Option, most: UInt64, _ amount: (UInt64) -> Amount
  ) throws(ImportFault) -> (term: Amount, kill: Amount) {
    let parts = option.value.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
    var numbers: [UInt64] = []
    for part in parts {
      var rest = part
      guard let number = DecimalNumber(from: &rest), rest.isEmpty, number.thousandths <= most * 1000 else {
        throw source.fault(
          at: option.offset, "\(quoted(option.shown)): \(quoted(String(part))) is no number from 0 to \(most)",
          "write as in \"\(option.name) 10,5\"")
      }
      numbers.append(number.thousandths)
    }
    // earlyoom accepts 100 for swap alone, where it means no condition.
    if option.name == "-m", numbers.contains(where: { $0 >= 100_000 }) {
      throw source.fault(
        at: option.offset, "\(quoted(option.shown)) is the whole memory", "earlyoom refuses it: write less than 100")
    }
    let kill = numbers.count > 1 ? numbers[1] : numbers[0] / 2
    let term = max(numbers[0], kill)
    guard term > 0 else {
      throw source.fault(
        at: option.offset, "\(quoted(option.shown)) is zero",
        "earlyoom refuses it: write as in \"\(option.name) 10\"")
    }
    return (amount(term).leastAboveNothing, amount(kill))
  }

  private mutating func writeBadness() {
    writer.line()
    writer.line("[badness]")
    if sortsByRSS {
      writer.comment(
        """
        --sort-by-rss: the largest process. Its footprint is what killing it gives back; unlike earlyoom's RSS, the \
        footprint counts swap and not file pages.
        """)
      writer.line("formula = \"footprint\"")
    } else {
      writer.comment(
        """
        The kernel's oom_score, which earlyoom uses. The formula "spillway" would spare processes that have run for long, \
        and is not misled by a session manager's oom_score_adj of 200.
        """)
      writer.line("formula = \"oom-score\"")
    }
  }

  private mutating func writeAction() throws(ImportFault) {
    writer.line()
    writer.line("[action]")
    if killsAtOnce {
      writer.comment("Both thresholds are equal: SIGKILL at once.")
      writer.line("signal = \"SIGKILL\"")
    } else {
      var seconds = "10"
      if let option = options["-w"] {
        var rest = Substring(option.value)
        guard let number = DecimalNumber(from: &rest), rest.isEmpty, number.thousandths <= 600_000 else {
          throw source.fault(
            at: option.offset, "\(quoted(option.shown)) is no time from 0 to 600 seconds", "write as in \"-w 10\"")
        }
        seconds = number.description
      }
      writer.comment(
        """
        earlyoom waits this long and then sends SIGTERM again, usually to the same process. Here SIGKILL follows, so that \
        a process that ignores SIGTERM is killed all the same.
        """)
      writer.line("grace = \"\(seconds)s\"")
    }
    if options["-g"] != nil {
      writer.comment("-g: the whole process group is killed. Protected processes in it are spared.")
      writer.line("scope = \"group\"")
    }
    writer.comment(
      """
      earlyoom kills processes of any size, as min_footprint = "0%" would. This line keeps a small process, such as a \
      shell, from being killed for nothing.
      """)
    writer.line("min_footprint = \"auto\"")
  }

  // MARK: Hooks

  private mutating func writeHooks() {
    var hooks: [(option: EarlyoomOptions.Option, key: String)] = []
    for (name, key) in [("-P", "before"), ("-N", "after")] {
      guard let option = options[name] else { continue }
      if option.value.hasPrefix("/"), !option.value.hasSuffix("/"), option.value.utf8.count < 4096 {
        hooks.append((option, key))
      } else {
        drop(option, "it is no absolute path of a program, and earlyoom refuses it too")
      }
    }
    guard !hooks.isEmpty else { return }
    writer.line()
    writer.line("[hooks]")
    writer.comment(
      """
      EARLYOOM_PID, EARLYOOM_NAME and EARLYOOM_UID are called SPILLWAY_PID, SPILLWAY_COMM and SPILLWAY_UID here; \
      EARLYOOM_CMDLINE has no counterpart. Hooks run as the user nobody, and under systemd they need the drop-in \
      hooks.conf; see /usr/share/doc/spillway/policy.md.
      """)
    for (option, key) in hooks {
      writer.comment(
        key == "before"
          ? "-P: started before the signal, and not waited for; earlyoom waits 200 ms." : "-N: started after the kill.")
      writer.line("\(key) = [\(tomlString(option.value))]")
    }
  }

  // MARK: Rules

  private mutating func writeRules() throws(ImportFault) {
    let shifts: [(option: EarlyoomOptions.Option, points: Int)] = [("--prefer", 300), ("--avoid", -300)].compactMap {
      name, points in options[name].map { ($0, points) }
    }
    if !shifts.isEmpty {
      writer.line()
      writer.comment(
        "--prefer and --avoid: \(sortsByRSS ? "3 GiB more or less of RSS" : "300 points more or less"). "
          + BadnessShift.reason(byScore: !sortsByRSS))
    }
    for (option, points) in shifts {
      if let other = shifts.first(where: { $0.option.name != option.name && $0.option.value == option.value }) {
        drop(option, "\(other.option.name) says the opposite of the same names, and the two cancel out")
      } else if options["--ignore"]?.value == option.value {
        drop(option, "--ignore protects the same names")
      } else {
        writeRule(option, comment: "", effect: BadnessShift.effect(of: points, byScore: !sortsByRSS))
      }
    }
    if let option = options["--ignore"] {
      writeRule(
        option,
        comment: """
          Any process can give itself this name and be protected, here as under earlyoom: `spillway check` warns of it. \
          It is better to name the unit or executable, as in match = { unit = "ssh.service", exe = "/usr/sbin/sshd" }.
          """,
        effect: "protect = true")
    }
    if options["--ignore-root-user"] != nil {
      writer.rule("--ignore-root-user", comment: "", match: "{ uid = 0 }", effect: "protect = true")
    }
  }

  private mutating func writeRule(_ option: EarlyoomOptions.Option, comment: String, effect: String) {
    switch ImportedMatch(.comm, option.value) {
    case .none(let why): drop(option, why)
    case .field(let match): writer.rule(option.name, comment: comment, match: "{ \(match) }", effect: effect)
    }
  }

  /// Notes an option that is not carried over and that changes the choice of a victim, or which programs are started.
  private mutating func drop(_ option: EarlyoomOptions.Option, _ why: String) {
    leftOut.append((option.shown, why))
    notes.append(source.note(at: option.offset, "\(quoted(option.shown)) is not carried over", escaped(why)))
  }

  // MARK: What stays behind

  private static let behind: [(name: String, why: String)] = [
    (
      "-r",
      "`spillway run --verbose` prints reports while memory is not short; a policy does not decide that"
    ),
    ("-p", "the agent takes real-time priority and oom_score_adj −1000 by itself"),
    ("-n", "there are no notifications by D-Bus; a program in [hooks] can send some"),
    ("--dryrun", "dry run is an option of `spillway run`, --dry-run, which the service has until it is armed"),
    ("--syslog", "messages go to standard error, which systemd takes to the journal"),
    ("--kernel-oom", "the victim is always killed by the agent itself"),
    ("-d", "`spillway run --verbose` prints more"),
    ("-k", "earlyoom has ignored it since 1.2"),
    ("-i", "earlyoom has ignored it since 1.7; badness.oom_score_adj has its effect"),
    ("-v", "with it earlyoom prints its version and exits"),
    ("-h", "with it earlyoom prints its help and exits"),
  ]

  private mutating func writeLeftOut() {
    for (name, why) in EarlyoomImport.behind {
      if let option = options[name] { leftOut.append((option.shown, why)) }
    }
    leftOut += options.notUnderstood.map { ($0, "earlyoom 1.9 has no such option, nor has this program") }
    guard !leftOut.isEmpty else { return }
    writer.line()
    writer.comment("Not carried over:")
    for (what, why) in leftOut {
      writer.comment("- \(what): \(why).")
    }
  }
}
