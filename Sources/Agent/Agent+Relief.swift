import Policy
import Pressure
import ProcModel

/// What is tried before a process is killed.
extension Agent where M: ~Copyable {
  /// Lets relief go on.
  @inline(never)
  mutating func relieve() {
    guard let verdict = system.verdict else { return }
    let isInEpisode = system.detector.isInEpisode
    // Trouble that comes up meanwhile is what has to be seen to.
    if let time = relief.begin(verdict, isInEpisode: isInEpisode, by: policy, &machine, &reporter), surveyInPassing() {
      findCgroupOfWorst(verdict)
      relief.freeze(killSetCgroup.path, for: time, &machine, &reporter)
    }
    relief.advance(
      verdict, by: policy, least: system.settings.minimumFootprint.of(verdict.reading.total), &machine, &reporter)
  }

  /// Reads into ``killSetCgroup`` the cgroup of the process that would be killed, if all in it may be killed. It is
  /// empty where there is none.
  private mutating func findCgroupOfWorst(_ verdict: Verdict) {
    let context = context(of: system)
    rank(in: 0, by: context, verdict.reading.time)
    if let victim = chooser.ranking.shortlist.victim {
      chooser.picker.resolve(victim.process.identity, scope: .cgroup, from: chooser.ranking, context)
      let killSet = chooser.picker.killSet
      if case .cgroup = killSet.whole, killSetCgroup.read(of: killSet, in: chooser.ranking.table, from: &machine) {
        return
      }
    }
    killSetCgroup.clear()
  }
}
