import Policy
import Pressure
import ProcModel

/// Converts `/etc/nohang/nohang.conf` to a policy.
struct NohangImport {
  let source: ImportSource
  let file: NohangFile
  var writer = ImportWriter()
  var notes: [Diagnostic] = []
  var leftOut: [(what: String, why: String)] = []
  /// The settings of `file` that have been used.
  var taken: Set<String> = []

  init(_ source: ImportSource) throws(ImportFault) {
    self.source = source
    file = try NohangFile(source)
  }

  func policy() throws(ImportFault) -> ImportedPolicy {
    var copy = self
    return try copy.write()
  }

  private mutating func write() throws(ImportFault) -> ImportedPolicy {
    writer.comment("Made by `spillway import nohang` from \(source.file).")
    writer.comment(
      """
      nohang protects only processes whose oom_score is 0, and this policy only those with oom_score_adj −1000. \
      `extends = "server"` would also protect logins, logs and the like, and would switch on more triggers; \
      /usr/share/doc/spillway/policy.md says which.
      """)
    writer.line("version = 1")
    if let older = file.settings.first(where: { $0.written != $0.key && NohangKeys.reversed[$0.written] == nil }) {
      writer.comment("Keys of an older nohang are read by their new names: \(older.written) as \(older.key).")
    }
    try writeTrigger()
    try writeBadness()
    try writeAction()
    try writeHooks()
    try writeAdjustments()
    try writeFactors()
    try writeSoftActions()
    writeLeftOut()
    return ImportedPolicy(text: writer.text, notes: notes)
  }

  // MARK: Values

  /// A setting's value. Where the file lacks the setting it is nohang's default, though nohang itself would refuse such
  /// a file.
  mutating func value(_ key: String, _ usual: String) -> String {
    taken.insert(key)
    return file[key]?.value ?? usual
  }

  func fault(_ key: String, _ meant: String) -> ImportFault {
    source.fault(
      at: file[key]?.offset ?? 0, "\"\(key)\" cannot be \(quoted(file[key]?.value ?? ""))",
      "nohang refuses it: write as in \"\(meant)\"")
  }

  mutating func flag(_ key: String) throws(ImportFault) -> Bool {
    switch value(key, "False") {
    case "True": return true
    case "False": return false
    default: throw fault(key, "True")
    }
  }

  /// Parses a number with at most three decimals, in thousandths.
  mutating func number(_ key: String, _ usual: String, most: UInt64) throws(ImportFault) -> UInt64 {
    var rest = Substring(value(key, usual))
    guard let number = DecimalNumber(from: &rest), rest.isEmpty, number.thousandths <= most * 1000 else {
      throw fault(key, usual)
    }
    return number.thousandths
  }

  mutating func amount(_ key: String, _ usual: String) throws(ImportFault) -> Amount {
    let text = value(key, usual)
    var rest = Substring(text)
    guard let number = DecimalNumber(from: &rest) else { throw fault(key, usual) }
    switch rest.drop(while: { $0 == " " }) {
    case "%" where number.thousandths <= 100_000: return .share(BasisPoints(UInt32(number.thousandths / 10)))
    case "M" where number.thousandths < 1 << 50: return .size(KiB(number.thousandths * 1024 / 1000))
    default: throw fault(key, usual)
    }
  }

  // MARK: Settings

  private mutating func writeTrigger() throws(ImportFault) {
    let told = try amount("soft_threshold_min_mem", "5 %")
    let memory = told.leastAboveNothing
    let swap = try amount("soft_threshold_min_swap", "10 %")
    let hard = (try amount("hard_threshold_min_mem", "2 %"), try amount("hard_threshold_min_swap", "4 %"))
    writer.line()
    writer.line("[trigger]")
    writer.comment("soft_threshold_min_mem and soft_threshold_min_swap: act when both are at or below their lines.")
    if case .size = swap {
      writer.comment("(Some releases of nohang read the M of a swap threshold as KiB. Here it means MiB.)")
    }
    if case .share = memory {
      writer.comment(
        """
        nohang's share is of MemTotal; here it is of MemTotal less the pool of huge pages, which never becomes available: \
        if there is such a pool, the line is lower.
        """)
    }
    if told != memory {
      writer.comment(
        "nohang never acts by a threshold of zero. A policy always has a floor: this is the lowest one.")
    }
    let swapPart = swap == .share(.percent(100)) ? "" : ", swap_free = \"\(describe(swap))\""
    if swapPart.isEmpty { writer.comment("soft_threshold_min_swap is 100 %: free swap is not checked.") }
    writer.line("floor = { available = \"\(describe(memory))\"\(swapPart) }")
    writer.release(over: memory)
    killsAtOnce = hard == (told, swap)
    writer.comment(
      killsAtOnce
        ? "hard_threshold_min_mem and hard_threshold_min_swap are equal to them: SIGKILL at once."
        : """
        The second threshold, SIGKILL at \(describe(hard.0)) and \(describe(hard.1)) of swap, is not carried over: \
        SIGKILL is sent when the grace time is over, or sooner if memory keeps falling.
        """)
    try writeStall(below: memory, isNeedless: swapPart.isEmpty)
  }

  /// Whether both thresholds are equal.
  private var killsAtOnce = false

  /// - Parameter isNeedless: Whether the floor is met wherever a stall would count.
  private mutating func writeStall(below memory: Amount, isNeedless: Bool) throws(ImportFault) {
    let isOn = try flag("psi_checking_enabled")
    let metrics = value("psi_metrics", "full_avg10")
    let parts = metrics.split(separator: "_avg")
    guard parts.count == 2, ["full", "some"].contains(parts[0]), ["10", "60", "300"].contains(parts[1]),
      let average = UInt64(parts[1])
    else { throw fault("psi_metrics", "full_avg10") }
    let share = try number("soft_threshold_max_psi", "40", most: 100)
    // Older versions had no such setting, and acted at once.
    let isOlder = file["soft_threshold_max_psi"].map { $0.written != $0.key } ?? false
    let excess = try number("psi_excess_duration", isOlder ? "0" : "30", most: 1_000_000)
    _ = try number("hard_threshold_max_psi", "90", most: 100)
    let path = value("psi_path", "/proc/pressure/memory")
    guard isOn else { return }
    if isNeedless {
      writer.comment("Stalls count only below soft_threshold_min_mem, where the floor is met in any case.")
      return
    }
    guard share >= 10 else { throw fault("soft_threshold_max_psi", "40") }
    let window = min(max(excess, average * 1000), 60_000)
    let percent = describe(.share(BasisPoints(UInt32(share / 10))))
    writer.comment(
      """
      \(metrics) of \(percent) for \(excess / 1000) s, with memory below soft_threshold_min_mem. Spillway measures \
      the share over a window of its own, which is at most a minute; a moment without stalls does not restart it. Unlike \
      nohang it also does so without swap. hard_threshold_max_psi is not carried over: there is no second threshold.
      """)
    if isOlder {
      writer.comment(
        "nohang of that age counted stalls however much memory was available; here they count only below that line.")
    }
    if path != "/proc/pressure/memory" {
      writer.comment(
        "psi_path = \(path) is not carried over: the machine's file is read. For that of a cgroup there is [[domain]].")
      notes.append(
        source.note(
          at: file["psi_path"]?.offset ?? 0, "psi_path = \(quoted(path)) is not carried over", "see [[domain]]"))
    }
    writer.line(
      "stall = { \(parts[0]) = \"\(percent)\", over = \"\(describe(.milliseconds(window)))\", "
        + "below = \"\(describe(memory))\", swap = \"ignore\" }")
  }

  /// Whether the formula is the kernel's own score, for which a weight has the effect of nohang's points.
  var byScore = true

  private mutating func writeBadness() throws(ImportFault) {
    writer.line()
    writer.line("[badness]")
    byScore = try !flag("ignore_positive_oom_score_adj")
    if byScore {
      writer.comment(
        """
        The kernel's oom_score, which nohang uses. The formula "spillway" would spare processes that have run for long, \
        and is not misled by a session manager's oom_score_adj of 200.
        """)
      writer.line("formula = \"oom-score\"")
    } else {
      writer.comment("ignore_positive_oom_score_adj: the kernel's formula, with positive adjustments left out.")
      writer.line("formula = \"linux\"")
      writer.line("oom_score_adj = \"protect-only\"")
    }
  }

  private mutating func writeAction() throws(ImportFault) {
    let grace = min(try number("max_soft_exit_time", "10", most: 1_000_000), 600_000)
    writer.line()
    writer.line("[action]")
    if killsAtOnce { writer.line("signal = \"SIGKILL\"") }
    writer.comment("max_soft_exit_time")
    writer.line("grace = \"\(describe(.milliseconds(grace)))\"")
    let badness = value("min_badness", "1")
    writer.comment(
      """
      min_badness = \(badness) is in points, which have no counterpart here. min_footprint is what killing a process has \
      to give back. It keeps a small process, such as a shell, from being killed for nothing; "0%" switches it off.
      """)
    writer.line("min_footprint = \"auto\"")
  }

  // MARK: Hooks

  private mutating func writeHooks() throws(ImportFault) {
    let warns = try flag("low_memory_warnings_enabled")
    let limit = min(max(try number("exe_timeout", "20", most: 1_000_000), 100), 60_000)
    var lines: [(comment: String, line: String)] = []
    let hooks = [
      (
        "warning_exe", "warn",
        "warning_exe is started when a trigger is true for the first time: there is no separate warning threshold."
      ),
      ("post_kill_exe", "after", "post_kill_exe is started after SIGTERM too, whenever a victim has died."),
    ]
    for (key, name, comment) in hooks {
      let command = value(key, "")
      if command.isEmpty { continue }
      if name == "warn", !warns {
        leftOut.append(("\(key) = \(command)", "low_memory_warnings_enabled is False, so nohang does not start it"))
        continue
      }
      var text = ImportValue()
      for byte in command.utf8 { text.append(byte, at: 0) }
      let words = (text.words(.shell) ?? []).map(\.text)
      if let why = NohangImport.obstacle(to: words) {
        drop("\(key) = \(command)", at: file[key]?.offset ?? 0, why)
        continue
      }
      let list = words.map(tomlString).joined(separator: ", ")
      let table = "{ command = [\(list)], user = \"root\", limit = \"\(describe(.milliseconds(limit)))\" }"
      lines.append((comment, "\(name) = \(table)"))
    }
    guard !lines.isEmpty else { return }
    writer.line()
    writer.line("[hooks]")
    writer.comment(
      """
      Hooks run as root, as under nohang, and under systemd they need the drop-in hooks.conf; see \
      /usr/share/doc/spillway/policy.md.
      """)
    for (comment, line) in lines {
      writer.comment(comment)
      writer.line(line)
    }
  }

  /// Why words cannot be the command of a hook; nil where they can.
  private static func obstacle(to words: [String]) -> String? {
    guard let program = words.first else { return "its quotation marks are not closed" }
    guard program.hasPrefix("/"), !program.hasSuffix("/") else {
      return "a hook is named by its absolute path, and PATH is not searched"
    }
    if words.contains(where: { $0.contains("$") }) {
      return
        "its words cannot hold $PID, $NAME or $SERVICE: hooks find SPILLWAY_PID and the like in their environment"
    }
    if words.count > 64 || words.reduce(0, { $0 + $1.utf8.count + 1 }) > 4096 {
      return "it is longer than a hook can be"
    }
    return nil
  }

  mutating func drop(_ what: String, at offset: Int, _ why: String) {
    leftOut.append((what, why))
    notes.append(source.note(at: offset, "\(quoted(what)) is not carried over", escaped(why)))
  }

  // MARK: What stays behind

  private mutating func writeLeftOut() {
    for (keys, why) in NohangKeys.behind {
      let present = keys.compactMap { file[$0] }
      taken.formUnion(keys)
      if !present.isEmpty { leftOut.append((present.map(\.shown).joined(separator: ", "), why)) }
    }
    if let setting = file["zram_checking_enabled"], setting.value == "True" {
      notes.append(
        source.note(
          at: setting.offset, "the thresholds of zram are not carried over",
          "free swap on zram counts by how much memory it would free"))
    }
    for setting in file.superseded {
      leftOut.append((setting.shown, "\(setting.key) is its new name, and counts"))
    }
    // These are switches for lines that the file does not have.
    taken.formUnion(NohangKeys.adjustments.values.map(\.isOnBy))
    taken.formUnion([NohangKeys.softActionsAreOnBy, "prefer_factor", "avoid_factor"])
    for setting in file.settings where !taken.contains(setting.key) {
      leftOut.append((setting.shown, "nohang 0.3 has no such key, nor has this program"))
      notes.append(
        source.note(
          at: setting.offset, "\(quoted(setting.key)) is no key of nohang 0.3", "it stands in a comment of the policy"))
    }
    guard !leftOut.isEmpty else { return }
    writer.line()
    writer.comment("Not carried over:")
    for (what, why) in leftOut {
      writer.comment("- \(what): \(why).")
    }
  }
}
