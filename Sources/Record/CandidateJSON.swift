package import Badness
package import Policy
package import ProcModel

extension JSONWriter {
  /// One process as decisions and `spillway rank --json` show it.
  ///
  /// - Parameters:
  ///   - candidate: With its final standing.
  ///   - terms: Of its score, if they are wanted.
  ///   - policy: For the names of rules.
  ///   - origin: Of a victim, as far as it is known.
  package mutating func value(
    _ candidate: Candidate, terms: TermList?, policy: CompiledPolicy, units: KernelUnits, origin: ProcessOrigin? = nil
  ) {
    let process = candidate.process
    beginObject()
    key("pid")
    value(Int64(process.identity.pid))
    key("start_time")
    value(process.identity.startTime.count)
    key("comm")
    value(untrusted: process.comm.bytes)
    key("uid")
    value(UInt64(process.effectiveUID))
    if let origin { members(of: origin) }
    key("score")
    value(candidate.score)
    key("order")
    value(candidate.ruleOutcome.tier.name)
    key("protected")
    value(candidate.ruleOutcome.protection.protects)
    key("rule")
    rule(of: candidate, policy: policy)
    key("oom_score")
    if let oomScore = process.oomScore { value(Int64(oomScore)) } else { null() }
    key("oom_score_adj")
    value(Int64(process.oomScoreAdj))
    if process.inheritsOomScoreAdj {
      key("oom_score_adj_inherited")
      value(true)
    }
    if process.isOrphan {
      key("orphan")
      value(true)
    }
    key("footprint_kib")
    value(process.footprint.count)
    key("swap_kib")
    value(process.ownSwap.count)
    key("rss_kib")
    value(process.resident.count)
    key("age_s")
    if let age = process.age { value(units.seconds(age)) } else { null() }
    key("rules")
    rules(candidate.ruleOutcome.rules, policy: policy)
    if let terms {
      key("terms")
      value(terms)
    }
    endObject()
  }

  /// What is known of it.
  private mutating func members(of origin: ProcessOrigin) {
    if origin.hasUnit { field("unit", untrusted: origin.unit) }
    if origin.hasCgroup { field("cgroup", untrusted: origin.cgroup) }
    if origin.hasExecutable { field("exe", untrusted: origin.executable) }
  }

  private mutating func value(_ terms: TermList) {
    beginArray()
    for index in 0..<terms.count {
      let term = terms[index]
      beginObject()
      key("name")
      value(term.name)
      key("value")
      value(term.value)
      key("effect")
      value(term.effect)
      endObject()
    }
    endArray()
  }

  private mutating func value(_ effect: TermEffect) {
    rawString { bytes in bytes.append(effect) }
  }

  /// The name of the rule, or of the built-in protection, that decided.
  private mutating func rule(of candidate: Candidate, policy: CompiledPolicy) {
    let ruleOutcome = candidate.ruleOutcome
    if let name = candidate.builtInName {
      value(name)
    } else if let index = ruleOutcome.decidingRule {
      value(untrusted: policy.bytes(policy.rules[Int(index)].name))
    } else {
      null()
    }
  }

  private mutating func rules(_ touched: Bits256, policy: CompiledPolicy) {
    beginArray()
    for index in policy.rules.indices where touched.contains(UInt8(truncatingIfNeeded: index)) {
      value(untrusted: policy.bytes(policy.rules[index].name))
    }
    endArray()
  }
}

extension Candidate {
  /// What is said in the place of a rule's name: of a protection that no policy can lift, or of what goes first.
  package var builtInName: String? {
    isSwappingOff ? "built-in: swapoff" : ruleOutcome.protection.builtInName
  }
}

extension Protection {
  /// What is said in the place of a rule's name.
  package var builtInName: String? {
    switch self {
    case .initProcess: "built-in: init"
    case .agent: "built-in: the agent"
    case .oomScoreAdj: "built-in: oom_score_adj -1000"
    case .none, .rule, .assumed: nil
    }
  }
}

extension Array where Element == UInt8 {
  /// `+ 512`, `÷ 11`, `× 0.25`, or nothing.
  package mutating func append(_ effect: TermEffect) {
    switch effect {
    case .add(let amount):
      append(amount < 0 ? "- " : "+ ")
      append(decimal: amount.magnitude)
    case .multiply(let factor):
      append("× ")
      append(decimal: factor)
    case .divide(let divisor):
      append("÷ ")
      append(decimal: divisor)
    case .none: break
    }
  }
}
