import Badness
package import Policy
import Pressure
package import ProcModel

/// A policy in a form for people: its settings, then each rule with its tests and its effect.
///
/// - Parameter patterns: The texts of the policy's patterns, ``PolicyCompilation/patterns``. A pattern whose text is
///   missing is shown by its number.
package func describe(_ policy: CompiledPolicy, patterns: [String]) -> String {
  let guarded = policy.guardedCgroup.map(policy.string)
  var lines = describe(policy.settings, guarded: guarded) + describeMeasures(of: policy)
  for domain in policy.domains {
    lines.append("domain \(quoted(policy.string(domain.name))), cgroup \(policy.string(domain.cgroup)):")
    // Only the settings that differ from those of the system are shown.
    let own = Set(describe(domain.settings)).subtracting(describe(policy.settings, guarded: guarded))
    lines += describe(domain.settings).filter(own.contains).map { "  " + $0 }
  }
  for (index, rule) in policy.rules.enumerated() {
    lines.append("rule \(index + 1), \(quoted(policy.string(rule.name))): \(describe(effectOf: rule, in: policy))")
    for test in policy.tests[rule.conditions] {
      lines.append("  " + describe(test, of: policy, patterns: patterns))
    }
    if rule.exceptions > 0 { lines.append("  not:") }
    for test in policy.tests[rule.exceptionTests] {
      lines.append("    " + describe(test, of: policy, patterns: patterns))
    }
  }
  return lines.map { $0 + "\n" }.joined()
}

/// - Parameter guarded: The cgroup whose stalls count.
private func describe(_ settings: Settings, guarded: String? = nil) -> [String] {
  describe(settings.thresholds, guarded: guarded) + [
    "formula: \(settings.formula.name), oom_score_adj: \(settings.adjustment.name)"
      + (settings.ignoresInherited ? ", inherited values: ignore" : ""),
    "grace: \(describe(settings.grace))",
    "min_footprint: \(describe(settings.minimumFootprint))",
    "scope: \(settings.scope.name), signal: \(settings.signal.name)",
    "swarm: " + (settings.swarm.map(describe) ?? "off"),
  ]
}

private func describe(_ thresholds: Thresholds, guarded: String?) -> [String] {
  let floor = thresholds.floor
  let swap = floor.swapFree.map { "and free swap at or below \(describe($0))" } ?? "free swap is not checked"
  return [
    "floor: available memory at or below \(describe(floor.available)), \(swap)",
    "stall: " + (thresholds.stall.map { describe($0, guarded: guarded) } ?? "off"),
    "thrash: " + (thresholds.thrash.map(describe) ?? "off"),
    "forecast: " + (thresholds.forecast.map(describe) ?? "off"),
    "limit: " + (thresholds.limit.map(describe) ?? "off"),
    "release: available memory above \(describe(thresholds.release))",
    "confirm: " + describe(thresholds.confirmation),
  ]
}

private func describe(_ stall: Stall, guarded: String?) -> String {
  let patience =
    stall.isPatient ? " (\(describe(.share(stall.patientShare))) of \(describe(stall.span)) while swap lasts)" : ""
  let whose =
    switch stall.source {
    case .domain: ""
    case .protected: " of a cgroup with protected processes"
    case .cgroup: " of cgroup \(guarded ?? "")"
    }
  return "\(stall.isFull ? "all tasks" : "some task")\(whose) stalled for \(describe(.share(stall.share))) of "
    + "\(describe(stall.over))\(patience), and available memory at or below \(describe(stall.below))"
}

private func describe(_ thrash: Thrash) -> String {
  "\(describe(.share(thrash.refaults))) of the file cache read back per second over \(describe(thrash.over)), "
    + "and free swap at or below \(describe(thrash.swapFree))"
}

private func describe(_ forecast: Forecast) -> String {
  "no memory left within \(describe(forecast.horizon)), and available memory at or below \(describe(forecast.below))"
}

private func describe(_ limit: Limit) -> String {
  "a cgroup's limit met, available memory at or below \(describe(limit.available)), "
    + "and free swap at or below \(describe(limit.swapFree))"
}

private func describe(_ confirmation: Confirmation) -> String {
  switch confirmation {
  case .immediate: "immediate"
  case .classic(let constants):
    "classic, \(constants.failures) failure\(constants.failures == 1 ? "" : "s"), gap \(describe(constants.gap)), "
      + "youngest \(describe(constants.youngest)), pause \(describe(constants.pause)), "
      + "and free swap at or below \(describe(constants.swapFree))"
  }
}

/// A time in the form that a policy states it. Parts of a millisecond are left out.
package func describe(_ time: Nanoseconds) -> String {
  var parts: [String] = []
  var rest = time.milliseconds
  for (unit, milliseconds) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)] as [(String, UInt64)]
  where rest >= milliseconds {
    parts.append("\(rest / milliseconds)\(unit)")
    rest %= milliseconds
  }
  if rest >= 1000 {
    var decimals = String(String(1000 + rest % 1000).dropFirst())
    while decimals.hasSuffix("0") { decimals.removeLast() }
    parts.append("\(rest / 1000)" + (decimals.isEmpty ? "" : "." + decimals) + "s")
  } else if rest > 0 {
    parts.append("\(rest)ms")
  }
  return parts.isEmpty ? "0s" : parts.joined(separator: " ")
}

/// An amount in the form that a policy states it.
func describe(_ amount: Amount) -> String {
  switch amount {
  case .share(let points):
    let decimals = points.count % 100
    if decimals == 0 { return "\(points.count / 100)%" }
    let digits = decimals % 10 == 0 ? "\(decimals / 10)" : decimals < 10 ? "0\(decimals)" : "\(decimals)"
    return "\(points.count / 100).\(digits)%"
  case .size(let size):
    if size.count % (1 << 20) == 0, size.count > 0 { return "\(size.count >> 20) GiB" }
    if size.count % 1024 == 0, size.count > 0 { return "\(size.count >> 10) MiB" }
    return "\(size.count) KiB"
  }
}

private func describe(_ minimum: MinimumFootprint) -> String {
  switch minimum {
  case .automatic: "10 MiB or 2%, whichever is less"
  case .amount(let amount): describe(amount)
  }
}

/// The effect of a rule on the processes that it matches.
package func describe(effectOf rule: Rule, in policy: CompiledPolicy) -> String {
  if rule.protects { return "protect" }
  var effects: [String] = []
  if let order = rule.order { effects.append("order \(order.name)") }
  if rule.weight != 1 { effects.append("weight \(rule.weight)") }
  if let scope = rule.scope { effects.append("scope \(scope.name)") }
  if let signal = rule.signal { effects.append("signal \(signal.name)") }
  if let grace = rule.grace { effects.append("grace \(describe(grace))") }
  switch rule.hook {
  case nil: break
  case .off: effects.append("no hook")
  case .command(let index): effects.append("hook \(policy.describe(command: index))")
  }
  return effects.isEmpty ? "weight \(rule.weight)" : effects.joined(separator: ", ")
}

private func describe(_ test: FieldTest, of policy: CompiledPolicy, patterns: [String]) -> String {
  let values = policy.alternatives[test.alternatives.indices].map { describe($0, of: policy, patterns: patterns) }
  return "\(test.field.name): \(values.joined(separator: " or "))" + (test.field == .growth ? " per second" : "")
}

private func describe(_ alternative: Alternative, of policy: CompiledPolicy, patterns: [String]) -> String {
  switch alternative {
  case .literal(let slice): quoted(policy.string(slice))
  case .pattern(let index): index < patterns.count ? "like \(quoted(patterns[Int(index)]))" : "pattern \(index)"
  case .capabilities(let set): CapabilityNames.names(of: set).joined(separator: " or ")
  case .range(let low, let high): low == high ? "\(low)" : "\(low)-\(high)"
  case .signedRange(let low, let high): low == high ? "\(low)" : "\(low)..\(high)"
  case .time(let time): describe(time)
  case .amount(let amount): describe(amount)
  case .flag(let flag): flag ? "true" : "false"
  case .never: "no process"
  }
}

extension CompiledPolicy {
  func string(_ slice: Slice) -> String {
    String(decoding: text[slice.indices], as: UTF8.self)
  }
}
