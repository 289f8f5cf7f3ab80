import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

/// What an episode of trouble comes to, from the first look that acts to the one that finds memory back: for the record, and
/// for whoever weighs whether to arm the agent. Nothing is decided by it.
extension Agent where M: ~Copyable {
  /// Follows an episode from look to look.
  @inline(never)
  mutating func follow(episodeOf domain: Domain, _ verdict: Verdict, _ now: Nanoseconds) {
    if verdict.acts, domain.episode.account.number != verdict.episode {
      tellEpisode(of: domain, .memoryBack, available: verdict.reading.available, now)
      domain.episode.account.number = verdict.episode
      domain.episode.account.lowest = verdict.reading.available
      domain.episode.began = now
    }
    domain.episode.account.lowest = min(domain.episode.account.lowest, verdict.reading.available)
    guard domain.episode.account.hasVictim, domain.episode.account.victimExitedAfter == nil else { return }
    if machine.isAlive(domain.episode.account.victim) == false {
      domain.episode.account.victimExitedAfter = now - domain.episode.decidedAt
    }
  }

  /// Counts what the kernel had killed when an episode began: after its first look, so that no decision waits for it.
  mutating func countKernelKills(before domain: Domain) {
    guard domain.isInEpisode, !domain.episode.isCounted else { return }
    domain.episode.isCounted = true
    domain.episode.killsBefore = kernelKills(in: domain)
  }

  /// Tells of a decision, and counts it to the domain's episode.
  mutating func tell(_ decision: Decision, _ act: Act, of domain: Domain) {
    reporter.tell(decision, act)
    domain.episode.account.count(decision.incident)
    if act == .signalled { domain.episode.account.hasSignalled = true }
    guard act == .rehearsed, let victim = decision.victim else { return }
    domain.episode.account.victim = victim.process.identity
    domain.episode.account.victimName = victim.process.comm
    domain.episode.account.victimExitedAfter = nil
    domain.episode.decidedAt = machine.now
  }

  /// Tells what an episode came to, where there is one.
  mutating func tellEpisode(of domain: Domain, _ end: EpisodeEnd, available: KiB, _ now: Nanoseconds) {
    guard domain.isInEpisode else { return }
    let (episode, after) = (domain.episode, kernelKills(in: domain))
    domain.episode = DomainEpisode()
    var kills: UInt64?
    // A cgroup that was made anew counts from zero.
    if let before = episode.killsBefore, let after { kills = after >= before ? after - before : after }
    reporter.report(
      EpisodeEvent(
        domain: domain.name, policy: domain.policy, account: episode.account, end: end, duration: now - episode.began,
        available: available, kernelKills: kills))
  }

  /// Tells of the episodes that the agent does not see the end of.
  mutating func tellOpenEpisodes() {
    let now = machine.now
    for domain in domains where domain.isInEpisode {
      tellEpisode(of: domain, .stopped, available: domain.verdict?.reading.available ?? .zero, now)
    }
  }

  /// Lets go of the domains that a reload took out of the policy, once their victims' outcomes are known.
  mutating func removeDomains() {
    for domain in domains where domain.number == nil && !domain.isPursuing && domain.isInEpisode {
      tellEpisode(of: domain, .domainRemoved, available: domain.verdict?.reading.available ?? .zero, machine.now)
    }
    domains.removeAll { $0.number == nil && !$0.isPursuing }
  }

  private mutating func kernelKills(in domain: Domain) -> UInt64? {
    guard domain.isCgroup else { return sensors.kernelKills(from: &machine) }
    let path = domain.path
    return sensors.kernelKills(inCgroup: path.bytes, from: &machine)
  }
}

/// The episode of trouble that a domain is in.
struct DomainEpisode: Sendable {
  var account = EpisodeAccount()
  /// The time of the first look that acted.
  var began = Nanoseconds.zero
  /// Whether ``killsBefore`` was asked for.
  var isCounted = false
  /// What the kernel had killed by then; nil where it does not count that.
  var killsBefore: UInt64?
  /// The time at which a victim was chosen that would have been killed.
  var decidedAt = Nanoseconds.zero
}
