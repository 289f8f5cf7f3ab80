/// The arguments in `EARLYOOM_ARGS`, parsed as getopt_long(3) does.
struct EarlyoomOptions {
  struct Option {
    /// The short name, if the option has a short and a long one.
    var name: String
    /// Empty where the option takes no value.
    var value: String
    var offset: Int

    /// The option as it could have been written.
    var shown: String { value.isEmpty ? name : "\(name) \(value)" }
  }

  static let variable = "EARLYOOM_ARGS"
  /// The options of earlyoom's main.c that take a value.
  private static let withValue: Set<String> = [
    "-m", "-s", "-M", "-S", "-N", "-P", "-r", "-w", "--prefer", "--avoid", "--ignore",
  ]
  private static let withoutValue: Set<String> = [
    "-k", "-i", "-n", "-g", "-d", "-v", "-p", "-h", "--dryrun", "--syslog", "--kernel-oom", "--sort-by-rss",
    "--ignore-root-user", "--help", "--debug",
  ]

  private var options: [Option] = []
  /// Arguments that are no option of earlyoom.
  private(set) var notUnderstood: [String] = []

  /// Options that have been reported as given twice.
  private var repeated: Set<String> = []

  /// The last option of a name, which is the one that counts.
  subscript(name: String) -> Option? { options.last { $0.name == name } }

  init(_ source: ImportSource, notes: inout [Diagnostic]) throws(ImportFault) {
    guard let assignment = try EnvironmentFile(source)[EarlyoomOptions.variable] else {
      notes.append(
        source.note(
          at: 0, "\(EarlyoomOptions.variable) is not set here",
          "the policy has earlyoom's defaults"))
      return
    }
    guard let words = assignment.value.words(.systemd) else {
      throw source.fault(
        at: assignment.nameOffset, "a quotation mark within \(EarlyoomOptions.variable) is not closed",
        "close it, or escape it with a backslash")
    }
    var rest = words[...]
    while let word = rest.popFirst() {
      if word.text == "--" {
        for word in rest { refuse(word, source, &notes) }
        break
      }
      if word.text.hasPrefix("--") {
        try readLong(word, &rest, source, &notes)
      } else if word.text.hasPrefix("-"), word.text.count > 1 {
        try readShort(word, &rest, source, &notes)
      } else {
        refuse(word, source, &notes)
      }
    }
  }

  private mutating func readLong(
    _ word: ImportWord, _ rest: inout ArraySlice<ImportWord>, _ source: ImportSource, _ notes: inout [Diagnostic]
  ) throws(ImportFault) {
    let parts = word.text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let all = EarlyoomOptions.withValue.union(EarlyoomOptions.withoutValue)
    // An abbreviated name is accepted if it is the beginning of one option only.
    let fitting = all.contains(parts[0]) ? [parts[0]] : all.filter { $0.hasPrefix(parts[0]) }
    guard fitting.count == 1, let name = fitting.first else { return refuse(word, source, &notes) }
    let given = parts.count > 1 ? parts[1] : nil
    if EarlyoomOptions.withoutValue.contains(name) {
      if given != nil { return refuse(word, source, &notes) }
      let canonical = ["--help": "-h", "--debug": "-d"][name] ?? name
      options.append(Option(name: canonical, value: "", offset: word.offset))
    } else {
      try take(name, given, at: word, &rest, source, &notes)
    }
  }

  /// Reads short options in one argument: `-pr3600` is `-p -r 3600`.
  private mutating func readShort(
    _ word: ImportWord, _ rest: inout ArraySlice<ImportWord>, _ source: ImportSource, _ notes: inout [Diagnostic]
  ) throws(ImportFault) {
    var letters = word.text.dropFirst()
    while let letter = letters.popFirst() {
      let name = "-\(letter)"
      if EarlyoomOptions.withValue.contains(name) {
        try take(name, letters.isEmpty ? nil : String(letters), at: word, &rest, source, &notes)
        return
      }
      guard EarlyoomOptions.withoutValue.contains(name) else {
        refuse(ImportWord(text: name, offset: word.offset), source, &notes)
        return
      }
      options.append(Option(name: name, value: "", offset: word.offset))
    }
  }

  private mutating func take(
    _ name: String, _ given: String?, at word: ImportWord, _ rest: inout ArraySlice<ImportWord>,
    _ source: ImportSource, _ notes: inout [Diagnostic]
  ) throws(ImportFault) {
    let own = given == nil ? rest.popFirst() : word
    guard let own else {
      throw source.fault(at: word.offset, "\(name) has no value", "earlyoom refuses it: write a value after it")
    }
    let value = given ?? own.text
    if own.lostBackslash {
      notes.append(
        source.note(
          at: own.offset, "systemd removes a backslash from this, and earlyoom sees \(quoted(value))",
          "the policy has the same text: correct it there if it was not meant"))
    }
    if let earlier = self[name], repeated.insert(name).inserted {
      notes.append(
        source.note(at: earlier.offset, "\(name) is given twice", "earlyoom takes the last, and so does the policy"))
    }
    options.append(Option(name: name, value: value, offset: word.offset))
  }

  private mutating func refuse(_ word: ImportWord, _ source: ImportSource, _ notes: inout [Diagnostic]) {
    notUnderstood.append(word.text)
    notes.append(
      source.note(
        at: word.offset, "\(quoted(word.text)) is no option of earlyoom 1.9", "it stands in a comment of the policy"))
  }
}
