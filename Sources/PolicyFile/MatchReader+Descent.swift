import Policy

/// Reads `descendant_of`.
extension MatchReader {
  /// The keys of `descendant_of`, each with the field that it is compiled to.
  private static let descent: [(key: String, field: MatchField)] = [
    ("comm", .ancestor), ("exe", .ancestorExe), ("cgroup", .ancestorCgroup), ("unit", .ancestorUnit),
  ]

  /// Reads what one and the same ancestor has to meet.
  ///
  /// - Returns: A test for each of its keys; nil if one could not be read.
  func descent(_ match: SettingsReader, log: inout DiagnosticLog) -> [RuleDraft.Test]? {
    guard let (entries, offset) = match.table("descendant_of", "{ unit = \"nginx.service\" }", log: &log) else {
      return nil
    }
    let table = SettingsReader(
      entries, at: offset, place: "\"descendant_of\"", known: MatchReader.descent.map(\.key), log: &log)
    if entries.isEmpty {
      log.error(
        at: offset, "\"descendant_of\" names no field", "every process but the first descends from some process")
      return nil
    }
    if let ancestor = match["ancestor"] {
      log.error(
        at: ancestor.keyOffset, "\"ancestor\" stands beside \"descendant_of\"",
        "write it as descendant_of.comm: one ancestor has to meet both")
      return nil
    }
    var tests: [RuleDraft.Test] = []
    var isWhole = true
    for (key, field) in MatchReader.descent {
      guard let entry = table[key] else { continue }
      if var test = descent(entry, field, log: &log) {
        (test.key, test.offset) = (field.name, entry.keyOffset)
        tests.append(test)
      } else {
        isWhole = false
      }
    }
    return isWhole && !tests.isEmpty ? tests : nil
  }

  private func descent(_ entry: SettingEntry, _ field: MatchField, log: inout DiagnosticLog) -> RuleDraft.Test? {
    guard case .array(let nodes) = entry.node.value else {
      return test(field, [entry.node]) { pattern($0, field, log: &log).map { [$0] } }
    }
    if nodes.isEmpty {
      log.error(
        at: entry.node.offset, "\"\(entry.key)\" is an empty list", "name what it should match, or leave it out")
      return nil
    }
    return test(field, nodes) { pattern($0, field, log: &log).map { [$0] } }
  }
}
