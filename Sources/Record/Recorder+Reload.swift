package import Policy

extension Recorder {
  /// Rules that are named of each kind of change; of the others only the number is told.
  private static var nameLimit: Int { 8 }

  /// The policy was read again, and the old one stays.
  ///
  /// - Parameter fallback: What goes on to be in force in place of the policy that was asked for.
  package mutating func reload(refused problem: String, rules: Int, fallback: PolicyFallback? = nil) {
    beginReload("refused", rules: rules)
    value(fallback)
    json.key("reason")
    json.value(problem)
    json.key("changes")
    json.null()
    finish()
  }

  /// The policy was read again, and is in force.
  package mutating func reload(from old: CompiledPolicy, to new: CompiledPolicy, _ changes: PolicyChanges) {
    beginReload("in_force", rules: new.rules.count)
    value(nil)
    json.key("reason")
    json.null()
    json.key("changes")
    json.beginObject()
    json.key("settings")
    json.value(changes.settingsChanged)
    json.key("reordered")
    json.value(changes.isReordered)
    names("added", changes.added, new)
    names("changed", changes.changed, new)
    names("removed", changes.removed, old)
    var unnamed = 0
    for rules in [changes.added, changes.changed, changes.removed] {
      unnamed += max(rules.count - Recorder.nameLimit, 0)
    }
    json.key("unnamed")
    json.value(UInt64(unnamed))
    json.endObject()
    finish()
  }

  private mutating func beginReload(_ outcome: String, rules: Int) {
    begin("reload")
    json.key("outcome")
    json.value(outcome)
    json.key("rules")
    json.value(UInt64(rules))
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

extension Array where Element == UInt8 {
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
