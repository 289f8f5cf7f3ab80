package import Policy

extension Recorder {
  /// Rules that are named of each kind of change; of the others only the number is told.
  private static var nameLimit: Int { 8 }

  mutating func compose(_ reload: ReloadEvent) -> Bool {
    begin("reload")
    switch reload {
    case .refused(let problem, let imageError, let rules, let fallback):
      json.field("outcome", "refused")
      json.field("rules", count: rules)
      field(fallback)
      json.field("reason", imageError?.message ?? problem)
      json.key("changes")
      json.null()
    case .inForce(let old, let new, let changes):
      json.field("outcome", "in_force")
      json.field("rules", count: new.rules.count)
      field(nil)
      json.key("reason")
      json.null()
      json.key("changes")
      value(changes, from: old, to: new)
    }
    return finish()
  }

  private mutating func value(_ changes: PolicyChanges, from old: CompiledPolicy, to new: CompiledPolicy) {
    json.beginObject()
    json.field("settings", changes.settingsChanged)
    json.field("reordered", changes.isReordered)
    names("added", changes.added, new)
    names("changed", changes.changed, new)
    names("removed", changes.removed, old)
    var unnamed = 0
    for rules in [changes.added, changes.changed, changes.removed] {
      unnamed += max(rules.count - Recorder.nameLimit, 0)
    }
    json.field("unnamed", count: unnamed)
    json.endObject()
  }

  private mutating func names(_ key: String, _ rules: Bits256, _ policy: CompiledPolicy) {
    json.key(key)
    json.beginArray()
    var left = Recorder.nameLimit
    for index in policy.rules.indices where left > 0 && rules.contains(UInt8(truncatingIfNeeded: index)) {
      left -= 1
      json.value(untrusted: policy.bytes(policy.rules[index].name))
    }
    json.endArray()
  }
}

extension ReloadEvent {
  /// Of the message about it.
  var level: MessageLevel {
    switch self {
    case .refused: .error
    case .inForce: .info
    }
  }
}

extension Array where Element == UInt8 {
  /// `the policy in force stays: …`, or `the policy was read again and is in force: 12 rules; 1 added`.
  package mutating func append(_ reload: ReloadEvent) {
    switch reload {
    case .refused(let problem, let imageError, _, _):
      append("the policy in force stays: ")
      if let imageError { append(imageError) } else { append(problem) }
    case .inForce(_, let policy, let changes):
      append("the policy was read again and is in force: ")
      append(decimal: UInt64(policy.rules.count))
      append(" rules; ")
      append(changes)
    }
  }

  /// In a few words.
  package mutating func append(_ changes: PolicyChanges) {
    if changes.isEmpty {
      append("nothing changed")
      return
    }
    var isFirst = true
    func part(_ text: inout [UInt8], _ word: String, _ count: Int) {
      if count == 0 { return }
      if !isFirst { text.append(", ") }
      isFirst = false
      text.append(decimal: UInt64(count))
      text.append(word)
    }
    part(&self, " added", changes.added.count)
    part(&self, " changed", changes.changed.count)
    part(&self, " removed", changes.removed.count)
    for (word, holds) in [("reordered", changes.isReordered), ("settings changed", changes.settingsChanged)] where holds
    {
      if !isFirst { append(", ") }
      isFirst = false
      append(word)
    }
  }
}
