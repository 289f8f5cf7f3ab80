import Policy
import ProcModel

/// A program that a hook starts, as the compiler understood it.
struct CommandDraft: Hashable {
  var words: [String]
  var uid: UInt32
  var gid: UInt32
  var milliseconds: UInt64
}

/// What a file says of a key that can be off.
enum Choice<Value> {
  case off
  case on(Value)

  var value: Value? {
    switch self {
    case .off: nil
    case .on(let value): value
    }
  }
}

/// Reads the programs that `[hooks]` and rules name.
struct HookReader {
  /// A program, and whether it may take over.
  struct Hook {
    var command: CommandDraft
    var takesOver: Bool
  }

  private static let exampleList = "[\"/usr/local/bin/tell\", \"--now\"]"
  private static let exampleTable = "{ command = \(exampleList), user = \"nobody\", limit = \"2s\" }"
  private static let defaultLimit: UInt64 = 2000
  /// The kernel's overflow user and group, which are those of `nobody` on nearly every system.
  private static let nobody: UInt32 = 65_534

  let accounts: AccountLookup
  let programs: ProgramLookup

  /// - Parameter mayTakeOver: Whether `takes_over` is a key of the table.
  /// - Returns: Nil where the key is missing or its value is wrong.
  func read(
    _ key: String, _ table: SettingsReader, mayTakeOver: Bool = false, log: inout DiagnosticLog
  ) -> Choice<Hook>? {
    guard let entry = table[key] else { return nil }
    switch entry.node.value {
    case .string("off"):
      return .off
    case .array(let nodes):
      guard let words = words(nodes, of: key, at: entry.node.offset, log: &log) else { return nil }
      return .on(Hook(command: command(words, account: nil, limit: nil), takesOver: false))
    case .table(let entries):
      return read(key, entries, at: entry.node.offset, mayTakeOver, log: &log).map { .on($0) }
    case .string(let text):
      log.error(
        at: entry.node.offset, "\"\(key)\" cannot be \(quoted(text))",
        "write its words as a list, as in \(HookReader.exampleList): no shell splits them")
    default:
      log.error(
        at: entry.node.offset, "\"\(key)\" is \(entry.node.kind)",
        "it must be \"off\", a list such as \(HookReader.exampleList) or a table such as \(HookReader.exampleTable)")
    }
    return nil
  }

  private func read(
    _ key: String, _ entries: [SettingEntry], at offset: Int, _ mayTakeOver: Bool, log: inout DiagnosticLog
  ) -> Hook? {
    let known = ["command", "user", "limit"] + (mayTakeOver ? ["takes_over"] : [])
    let table = SettingsReader(entries, at: offset, place: "\"\(key)\"", known: known, log: &log)
    let limit = table.duration("limit", "\"2s\"", within: MeasureLimits.commandLimit, log: &log)
    let takesOver = table.boolean("takes_over", log: &log)
    let account = readUser(table, log: &log)
    guard let entry = table["command"] else {
      log.error(at: offset, "\"\(key)\" has no \"command\"", "write as in \(HookReader.exampleTable)")
      return nil
    }
    guard case .array(let nodes) = entry.node.value else {
      log.error(
        at: entry.node.offset, "\"command\" is \(entry.node.kind)",
        "it must be a list such as \(HookReader.exampleList)")
      return nil
    }
    guard let words = words(nodes, of: "command", at: entry.node.offset, log: &log) else { return nil }
    // The named user does not exist. The program must not run as another user.
    if table["user"] != nil, account == nil { return nil }
    return Hook(command: command(words, account: account, limit: limit), takesOver: takesOver ?? false)
  }

  private func readUser(_ table: SettingsReader, log: inout DiagnosticLog) -> AccountLookup.Account? {
    guard let (name, offset) = table.string("user", "\"nobody\"", log: &log) else { return nil }
    if let account = accounts.account(name) { return account }
    log.error(
      at: offset, "no user here is called \(quoted(name))", "name a user that exists, or leave \"user\" out: nobody")
    return nil
  }

  private func command(_ words: [String], account: AccountLookup.Account?, limit: Nanoseconds?) -> CommandDraft {
    let account =
      account ?? accounts.account("nobody")
      ?? AccountLookup.Account(name: "nobody", uid: HookReader.nobody, gid: HookReader.nobody)
    return CommandDraft(
      words: words, uid: account.uid, gid: account.gid, milliseconds: limit?.milliseconds ?? HookReader.defaultLimit)
  }

  private func words(
    _ nodes: [SettingNode], of key: String, at offset: Int, log: inout DiagnosticLog
  ) -> [String]? {
    guard let first = nodes.first else {
      log.error(at: offset, "\"\(key)\" is an empty list", "write as in \(HookReader.exampleList), or \"off\"")
      return nil
    }
    var words: [String] = []
    for node in nodes {
      guard case .string(let word) = node.value else {
        log.error(at: node.offset, "a word of \"\(key)\" is \(node.kind)", "it must be a string such as \"--now\"")
        continue
      }
      words.append(word)
    }
    guard words.count == nodes.count else { return nil }
    let path = words[0]
    guard path.hasPrefix("/") else {
      log.error(at: first.offset, "\(quoted(path)) is no absolute path", "begin it with \"/\": PATH is not searched")
      return nil
    }
    guard !path.hasSuffix("/") else {
      log.error(at: first.offset, "\(quoted(path)) is a directory", "name the program in it")
      return nil
    }
    guard words.count <= MeasureLimits.commandWords else {
      log.error(
        at: offset, "\"\(key)\" has \(words.count) words", "there can be at most \(MeasureLimits.commandWords)")
      return nil
    }
    let length = words.reduce(0) { $0 + $1.utf8.count + 1 }
    guard length <= MeasureLimits.commandLength else {
      log.error(
        at: offset, "the words of \"\(key)\" have \(length) bytes with one more for each",
        "they can have at most \(MeasureLimits.commandLength)")
      return nil
    }
    warn(of: path, at: first.offset, log: &log)
    return words
  }

  private func warn(of path: String, at offset: Int, log: inout DiagnosticLog) {
    switch programs.state(path) {
    case .ready: break
    case .missing:
      log.warning(at: offset, "there is no program \(quoted(path)) here", "the hook does nothing until there is one")
    case .notExecutable:
      log.warning(at: offset, "\(quoted(path)) cannot be executed", "name a program, and give it mode 755")
    case .openToOthers:
      log.warning(
        at: offset, "users other than root may write \(quoted(path))",
        "they can change what the hook does: make root its owner, with mode 755")
    }
  }
}
