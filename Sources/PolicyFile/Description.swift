import Badness
package import Policy
import Pressure
import ProcModel

/// A policy as people read it: its settings, then each rule with what it looks at and what it does.
///
/// - Parameter patterns: The texts of its patterns, ``PolicyCompilation/patterns``; one that is missing is shown by
///   its number.
package func describe(_ policy: CompiledPolicy, patterns: [String]) -> String {
  let settings = policy.settings
  let floor = settings.thresholds.floor
  let swap = floor.swapFree.map { "and free swap at or below \(describe($0))" } ?? "whatever swap is free"
  var lines = [
    "floor: available memory at or below \(describe(floor.available)), \(swap)",
    "release: available memory above \(describe(settings.thresholds.release))",
    "formula: \(settings.formula.name), oom_score_adj: \(settings.adjustment.name)",
    "grace: \(settings.grace.milliseconds) ms",
    "min_footprint: \(describe(settings.minimumFootprint))",
  ]
  for (index, rule) in policy.rules.enumerated() {
    lines.append("rule \(index + 1), \(quoted(policy.string(rule.name))): \(effect(of: rule))")
    for test in policy.tests[rule.tests.indices] {
      let values = policy.alternatives[test.alternatives.indices].map { describe($0, of: policy, patterns: patterns) }
      lines.append("  \(test.field.name): \(values.joined(separator: " or "))")
    }
  }
  return lines.map { $0 + "\n" }.joined()
}

/// As a policy states it.
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

private func effect(of rule: Rule) -> String {
  if rule.protects { return "protect" }
  var effects: [String] = []
  if let order = rule.order { effects.append("order \(order.name)") }
  if rule.weight != 1 || rule.order == nil { effects.append("weight \(rule.weight)") }
  return effects.joined(separator: ", ")
}

private func describe(_ alternative: Alternative, of policy: CompiledPolicy, patterns: [String]) -> String {
  switch alternative {
  case .literal(let slice): quoted(policy.string(slice))
  case .pattern(let index): index < patterns.count ? "like \(quoted(patterns[Int(index)]))" : "pattern \(index)"
  case .capabilities(let set): CapabilityNames.names(of: set).joined(separator: " or ")
  case .range(let low, let high): low == high ? "\(low)" : "\(low)-\(high)"
  case .never: "no process"
  }
}

extension CompiledPolicy {
  fileprivate func string(_ slice: Slice) -> String {
    String(decoding: text[slice.indices], as: UTF8.self)
  }
}
