import Policy
import Pressure
import ProcModel

/// The lines for hooks, relief and the last resort.
func describeMeasures(of policy: CompiledPolicy) -> [String] {
  let measures = policy.measures
  return [
    "hooks: " + describe(measures.hooks, of: policy),
    "relief: " + describe(measures.relief, of: policy),
    "last_resort: " + (measures.lastResort.map(describe) ?? "off"),
    "flight: " + describe(measures.flight),
  ]
}

func describe(_ swarm: Swarm) -> String {
  "\(swarm.members) processes younger than \(describe(swarm.age)), "
    + "together \(swarm.times) times as much as the best single candidate"
}

private func describe(_ hooks: Hooks, of policy: CompiledPolicy) -> String {
  let all = [
    ("warn", hooks.warn), (hooks.beforeTakesOver ? "before, which takes over," : "before", hooks.before),
    ("after", hooks.after), ("no_candidate", hooks.noCandidate),
  ]
  let set = all.compactMap { name, command in command.map { "\(name) \(policy.describe(command: $0))" } }
  return set.isEmpty ? "none" : set.joined(separator: "; ")
}

private func describe(_ relief: Relief, of policy: CompiledPolicy) -> String {
  var parts: [String] = []
  if relief.reclaim > 0 {
    let cgroups = policy.cgroups[..<Int(relief.reclaim)].map { quoted(policy.string($0)) }
    parts.append("reclaim from \(cgroups.joined(separator: " and "))")
  }
  if let high = relief.high {
    let cgroup = quoted(policy.string(policy.cgroups[Int(high.cgroup)]))
    parts.append("high of \(cgroup) at \(describe(high.to)) for \(describe(high.duration))")
  }
  if let freeze = relief.freeze { parts.append("freeze for \(describe(freeze))") }
  return parts.isEmpty ? "none" : parts.joined(separator: "; ")
}

private func describe(_ lastResort: LastResort) -> String {
  let victims = lastResort.afterVictims.map { "after \($0) victim\($0 == 1 ? "" : "s")" }
  let stall = lastResort.afterStall.map { "after \(describe($0))" }
  return lastResort.action.name + " " + [victims, stall].compactMap { $0 }.joined(separator: " and ")
}

private func describe(_ flight: FlightSettings) -> String {
  guard let ring = flight.ring else { return "off" }
  return "ring of \(describe(.size(ring))), at most \(flight.keep) file\(flight.keep == 1 ? "" : "s") of together "
    + "\(describe(.size(flight.folderLimit))), command lines \(flight.keepsCommandLines ? "kept" : "left out")"
}

extension CompiledPolicy {
  /// A program with its words, the user that it runs as, and its time limit.
  package func describe(command index: UInt16) -> String {
    let command = commands[Int(index)]
    let words = string(command.words).split(separator: "\0", omittingEmptySubsequences: false).dropLast()
    return words.map { quoted(String($0)) }.joined(separator: " ")
      + " as \(command.uid):\(command.gid) within \(PolicyFile.describe(command.limit))"
  }
}
