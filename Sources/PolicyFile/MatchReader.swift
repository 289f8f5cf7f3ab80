import Policy
import ProcModel

/// Reads the fields of a rule's `match`.
struct MatchReader {
  static let known = [
    "comm", "exe", "cmdline", "cgroup", "unit", "user", "uid", "group", "gid", "capability", "ancestor",
    "descendant_of", "oom_score_adj", "nice", "min_age", "max_age", "min_footprint", "growth", "tty", "container",
    "orphan",
  ]

  /// The kernel's TASK_COMM_LEN, less the final NUL (proc(5), `comm`).
  private static let commLength = 15
  /// One below (uid_t) −1 and (gid_t) −1, which stand for no user and no group.
  private static let greatestID: UInt32 = .max - 1

  let accounts: AccountLookup

  /// - Returns: One test for each field; nil if a field could not be read.
  func read(_ match: SettingsReader, log: inout DiagnosticLog) -> [RuleDraft.Test]? {
    var tests: [RuleDraft.Test] = []
    var isWhole = true
    for key in MatchReader.known {
      guard let entry = match[key] else { continue }
      if key == "descendant_of" {
        if let ofAncestors = descent(match, log: &log) { tests += ofAncestors } else { isWhole = false }
        continue
      }
      if var test = read(key, entry, log: &log) {
        (test.key, test.offset) = (key, entry.keyOffset)
        tests.append(test)
      } else {
        isWhole = false
      }
    }
    return isWhole ? tests : nil
  }

  private func read(_ key: String, _ entry: SettingEntry, log: inout DiagnosticLog) -> RuleDraft.Test? {
    if let field = MatchField.allCases.first(where: { $0.name == key }), field.isSingle {
      return single(field, entry, log: &log)
    }
    let nodes: [SettingNode]
    if case .array(let elements) = entry.node.value {
      if elements.isEmpty {
        log.error(at: entry.node.offset, "\"\(key)\" is an empty list", "name what it should match, or leave it out")
        return nil
      }
      nodes = elements
    } else {
      nodes = [entry.node]
    }
    switch key {
    case "uid": return test(.uid, nodes) { idRange($0, .user, log: &log).map { [$0] } }
    case "gid": return test(.gid, nodes) { idRange($0, .group, log: &log).map { [$0] } }
    case "user", "group":
      let kind = key == "user" ? IDKind.user : .group
      // If none of the names exists, the rule matches no process. It does not lose the condition.
      guard let known = test(kind.field, nodes, { ids($0, kind, log: &log) }) else { return nil }
      return known.values.isEmpty ? RuleDraft.Test(field: kind.field, values: [.never]) : known
    case "oom_score_adj":
      return test(.oomScoreAdj, nodes) { signedRange($0, key, within: -1000...1000, log: &log).map { [$0] } }
    case "nice": return test(.nice, nodes) { signedRange($0, key, within: -20...19, log: &log).map { [$0] } }
    case "capability": return capabilities(nodes, log: &log)
    default:
      guard let field = MatchField.allCases.first(where: { $0.name == key }) else { return nil }
      return test(field, nodes) { pattern($0, field, log: &log).map { [$0] } }
    }
  }

  /// Reads all nodes, also those after a wrong one.
  func test(
    _ field: MatchField, _ nodes: [SettingNode], _ read: (SettingNode) -> [RuleDraft.Value]?
  ) -> RuleDraft.Test? {
    let values = nodes.map(read)
    guard !values.contains(where: { $0 == nil }) else { return nil }
    return RuleDraft.Test(field: field, values: values.compactMap { $0 }.flatMap { $0 })
  }

  private func string(_ node: SettingNode, _ key: String, _ example: String, log: inout DiagnosticLog) -> String? {
    if case .string(let text) = node.value { return text }
    log.error(
      at: node.offset, "\"\(key)\" is \(node.kind)", "it must be a string such as \(example), or a list of them")
    return nil
  }

  // MARK: Texts

  func pattern(_ node: SettingNode, _ field: MatchField, log: inout DiagnosticLog) -> RuleDraft.Value? {
    let flavour: PatternFlavour
    switch field {
    case .exe, .cgroup, .ancestorExe, .ancestorCgroup: flavour = .path
    default: flavour = .plain
    }
    guard let text = string(node, field.name, MatchReader.example(field), log: &log),
      let pattern = compile(text, flavour, at: node, log: &log)
    else { return nil }
    warnOfRegexInGlob(text, node, log: &log)
    switch field {
    case .comm, .ancestor:
      guard fitsComm(pattern, text, node, log: &log) else { return nil }
    case .exe, .cgroup, .ancestorExe, .ancestorCgroup:
      guard canBePath(text, field, node, log: &log) else { return nil }
    case .unit, .ancestorUnit: warnOfBareUnit(pattern, text, node, log: &log)
    default: break
    }
    return .pattern(pattern, text: text, flavour: flavour)
  }

  private static func example(_ field: MatchField) -> String {
    switch field {
    case .comm: "\"java\""
    case .ancestor: "\"sshd\""
    case .exe, .ancestorExe: "\"/usr/bin/java\""
    case .cmdline: "\"*--batch*\""
    case .cgroup, .ancestorCgroup: "\"/batch.slice/**\""
    case .unit, .ancestorUnit: "\"nginx.service\""
    default: ""
    }
  }

  private func compile(
    _ text: String, _ flavour: PatternFlavour, at node: SettingNode, log: inout DiagnosticLog
  ) -> Pattern? {
    do {
      let pattern = try Pattern(text, flavour: flavour)
      if let hint = pattern.hint {
        log.warning(at: node.offset, "in \(quoted(abbreviated(text))) at byte \(hint.offset): \(hint.message)", "")
      }
      return pattern
    } catch {
      log.error(at: node.offset, "in \(quoted(abbreviated(text))) at byte \(error.offset): \(error.message)", "")
      return nil
    }
  }

  private func abbreviated(_ text: String) -> String {
    text.count > 60 ? text.prefix(60) + "…" : text
  }

  private func fitsComm(
    _ pattern: Pattern, _ text: String, _ node: SettingNode, log: inout DiagnosticLog
  ) -> Bool {
    let most = MatchReader.commLength
    guard pattern.leastLength > most else { return true }
    var meant = "write a pattern that fits"
    if case .literal(let bytes) = pattern.form {
      // If the cut falls within a character, its bytes cannot be written in TOML.
      let cut = String(validating: bytes.prefix(most), as: UTF8.self)
      meant = cut.map { "write \(quoted($0))" } ?? "write its beginning and \"*\""
    }
    log.error(
      at: node.offset, "\(quoted(abbreviated(text))) can never match: the kernel keeps \(most) bytes of a comm", meant)
    return false
  }

  /// Reports a text that cannot be a path, since paths begin with a slash, and a path between slashes, which is taken
  /// for a regular expression.
  private func canBePath(
    _ text: String, _ field: MatchField, _ node: SettingNode, log: inout DiagnosticLog
  ) -> Bool {
    let name = field.name
    let isCgroup = field == .cgroup || field == .ancestorCgroup
    if Pattern.isRegex(Array(text.utf8)) {
      if isCgroup, let path = CgroupText.belowTheMount(String(text.filter { !"\\^$".contains($0) })) {
        log.warning(
          at: node.offset, "\(quoted(abbreviated(text))) can never match: no cgroup's path has the mount in it",
          "paths begin at the root of the hierarchy: \(quoted(path))")
      } else if MatchReader.looksLikeAPath(text) {
        log.warning(
          at: node.offset, "\(quoted(text)) is a regular expression that may match anywhere in \"\(name)\"",
          "write \(quoted(text + "**")) for the directory and what is below it")
      }
      return true
    }
    guard let first = text.first, !"/*?[\\".contains(first) else {
      if isCgroup, let problem = CgroupText.problem(with: text) {
        log.warning(
          at: node.offset, "\(quoted(abbreviated(text))) can never match: \(problem.what)", problem.meant)
      }
      return true
    }
    var meant = "write \(quoted("**/" + abbreviated(text))) or begin with \"/\""
    if isCgroup, let path = CgroupText.belowTheMount(text) {
      meant = "write \(quoted(abbreviated(path)))"
    } else if isCgroup, let unit = CgroupText.unit(text) {
      meant = "write unit = \(quoted(abbreviated(unit))), or \(quoted("**/" + abbreviated(unit)))"
    }
    log.error(
      at: node.offset, "\(quoted(abbreviated(text))) can never match: \"\(name)\" is a path from the root", meant)
    return false
  }

  /// Whether a regular expression, with its slashes, could have been meant as a path.
  static func looksLikeAPath(_ text: String) -> Bool {
    text.dropFirst().dropLast().allSatisfy { $0.isLetter || $0.isNumber || "._-@:/*?".contains($0) }
  }

  /// Warns of a regular expression without slashes. In a glob, anchors and alternatives are ordinary characters.
  private func warnOfRegexInGlob(_ text: String, _ node: SettingNode, log: inout DiagnosticLog) {
    guard !Pattern.isRegex(Array(text.utf8)) else { return }
    let hasAlternatives = text.contains("(") && text.contains("|") && text.contains(")")
    guard text.hasPrefix("^") || text.hasSuffix("$") || hasAlternatives else { return }
    log.warning(
      at: node.offset, "\(quoted(abbreviated(text))) is no regular expression: one stands between slashes",
      "write \(quoted("/" + abbreviated(text) + "/")), or a list of what may stand there")
  }

  private func warnOfBareUnit(_ pattern: Pattern, _ text: String, _ node: SettingNode, log: inout DiagnosticLog) {
    if !Pattern.isRegex(Array(text.utf8)), let name = text.split(separator: "/").last, text.contains("/") {
      log.warning(
        at: node.offset, "no unit is called \(quoted(abbreviated(text))): their names have no slash",
        "write \(quoted(abbreviated(String(name)))), or a path in \"cgroup\"")
      return
    }
    guard case .literal(let bytes) = pattern.form, !bytes.contains(UInt8(ascii: ".")) else { return }
    let name = String(decoding: bytes, as: UTF8.self)
    log.warning(
      at: node.offset,
      "no unit is called \(quoted(abbreviated(name))): their names end in .service, .scope and the like",
      "write \(quoted(abbreviated(name) + ".service"))")
  }

  // MARK: Numbers and names

  /// Whether an ID is that of a user or of a group. Both are read alike.
  private enum IDKind {
    case user
    case group

    var field: MatchField { self == .user ? .uid : .gid }
    var name: String { self == .user ? "user" : "group" }
  }

  private func idRange(_ node: SettingNode, _ kind: IDKind, log: inout DiagnosticLog) -> RuleDraft.Value? {
    let greatest = MatchReader.greatestID
    switch node.value {
    case .integer(let number):
      guard let id = UInt32(exactly: number), id <= greatest else {
        log.error(at: node.offset, "\(number) is no \(kind.name) ID", "it must be within 0 and \(greatest)")
        return nil
      }
      return .range(id, id)
    case .string(let text):
      let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt32($0) }
      guard ends.count == 2, let low = ends[0], let high = ends[1], high <= greatest else {
        log.error(
          at: node.offset, "\(quoted(text)) is no range of \(kind.name) IDs",
          "write as in \"1000-1999\"; a single one is a number, and names stand in \"\(kind.name)\"")
        return nil
      }
      guard low <= high else {
        log.error(at: node.offset, "\(quoted(text)) runs backwards", "write \"\(high)-\(low)\"")
        return nil
      }
      return .range(low, high)
    default:
      log.error(
        at: node.offset, "\"\(kind.field.name)\" is \(node.kind)",
        "it must be a number, a range such as \"1000-1999\" or a list of them")
      return nil
    }
  }

  private func ids(_ node: SettingNode, _ kind: IDKind, log: inout DiagnosticLog) -> [RuleDraft.Value]? {
    let example = kind == .user ? "\"postgres\"" : "\"docker\""
    guard let text = string(node, kind.name, example, log: &log),
      let pattern = compile(text, .plain, at: node, log: &log)
    else { return nil }
    let ids: [UInt32]
    switch pattern.form {
    case .literal(let bytes):
      let name = String(decoding: bytes, as: UTF8.self)
      ids = (kind == .user ? accounts.uid(name) : accounts.gid(name)).map { [$0] } ?? []
    case .automaton:
      ids =
        kind == .user
        ? accounts.all().filter { pattern.matches(Array($0.name.utf8)) }.map(\.uid)
        : accounts.groups().filter { pattern.matches(Array($0.name.utf8)) }.map(\.gid)
    }
    if ids.isEmpty {
      log.warning(
        at: node.offset, "no \(kind.name) here is called \(quoted(abbreviated(text)))",
        "it matches no process until one is and the policy is read again")
      return []
    }
    return MatchReader.ranges(ids)
  }

  private static func ranges(_ ids: [UInt32]) -> [RuleDraft.Value] {
    var ranges: [(low: UInt32, high: UInt32)] = []
    for id in Set(ids).sorted() {
      if let last = ranges.last, last.high + 1 == id {
        ranges[ranges.count - 1].high = id
      } else {
        ranges.append((id, id))
      }
    }
    return ranges.map { .range($0.low, $0.high) }
  }

  private func capabilities(_ nodes: [SettingNode], log: inout DiagnosticLog) -> RuleDraft.Test? {
    var set: CapabilitySet = []
    var isWhole = true
    for node in nodes {
      guard let name = string(node, "capability", "\"CAP_SYS_ADMIN\"", log: &log) else {
        isWhole = false
        continue
      }
      if let capability = CapabilityNames.capability(name) {
        set.formUnion(capability)
      } else {
        isWhole = false
        log.error(
          at: node.offset, "no capability is called \(quoted(abbreviated(name)))",
          CapabilityNames.nearestName(to: name).map { "did you mean \"\($0)\"?" } ?? "capabilities(7) lists them")
      }
    }
    return isWhole ? RuleDraft.Test(field: .capability, values: [.capabilities(set)]) : nil
  }
}
