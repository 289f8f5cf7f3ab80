import Badness
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

/// Choosing, and the surveys it is made on.
extension Agent where M: ~Copyable {
  /// By which a domain's processes are scored, as it was last read.
  func context(of domain: Domain) -> ScoringContext { domain.context(units: constants.units, agent: constants.ownPID) }

  /// Chooses a victim for a domain: gathers facts, ranks, and picks, again with the facts of every process where the
  /// pick asks for that.
  ///
  /// - Returns: Nil where processes cannot be listed, which is said.
  @inline(never)
  mutating func decide(for domain: Domain, on verdict: Verdict, _ now: Nanoseconds) -> Decision? {
    guard let number = domain.number else { return nil }
    let context = context(of: domain)
    let shortage = chooser.shortage(
      verdict, fallen: domain.fallen, isFalling: domain.isFalling, units: constants.units, now: now)
    var plan = chooser.plan(
      in: number, by: context, shortage, verdict.reading, isCgroup: domain.isCgroup, pursued: pursued(), from: &machine)
    chooser.inquiry = Inquiry()
    while true {
      guard gather(plan) else { return nil }
      rankAsking(in: number, by: context, now)
      let pick = chooser.pick(shortage, by: context)
      var victim: Candidate?
      var comeback: Comeback?
      switch pick {
      case .needsEveryone where plan != .everyone:
        plan = .everyone
        continue
      case .victim(let row):
        let candidate = chooser.ranking.candidate(row, by: context)
        victim = candidate
        comeback = chooser.comeback(of: candidate, by: context, now: now)
        if mayWiden(candidate, comeback, by: context) {
          if chooser.ranking.tally.isShort, plan != .everyone {
            plan = .everyone
            continue
          }
          comeback?.isWidened = chooser.widen(candidate, by: context)
        }
      case .none, .needsEveryone: victim = nil
      }
      var decision = Decision(
        incident: reporter.decisions &+ 1, domain: domain.name, verdict: verdict, victim: victim,
        killSet: chooser.picker.killSet,
        shortlist: chooser.ranking.shortlist, context: context, took: machine.mark() - now)
      if let victim {
        decision.companions = Companions(of: decision.killSet, in: chooser.ranking.table)
        decision.kind = ProcessKind(victim.process, in: chooser.ranking.table.cgroups)
        decision.comeback = comeback
        decision.origin = readOrigin(of: victim, for: domain)
      }
      decision.noteHolder(in: chooser.ranking)
      return decision
    }
  }

  /// Reads where the victim comes from, which is told of it. It is held after that, by its number and start time: so it was
  /// this process that was read.
  private mutating func readOrigin(of victim: Candidate, for domain: Domain) -> ProcessOrigin? {
    guard machine.tellsOrigins else { return nil }
    killSetCgroup.read(&domain.origin, of: victim.process.identity.pid, from: &machine)
    return domain.origin
  }

  /// Whether to have the victim's service killed with it: two kills of the same were in vain, since it was started again.
  private mutating func mayWiden(_ victim: Candidate, _ comeback: Comeback?, by context: ScoringContext) -> Bool {
    guard let comeback, comeback.isInVain, chooser.mayWiden(victim, by: context) else { return false }
    return killSetCgroup.isInService(victim.process.identity.pid, from: &machine)
  }

  /// Ranks a domain's part of the last survey.
  mutating func rank(in number: Int, by context: ScoringContext, _ now: Nanoseconds) {
    let (inVain, domains) = (chooser.inVain, domains)
    chooser.classify(in: number, by: context, now: now, from: &machine)
    chooser.ranking.rank(in: number, by: context) { identity in
      inVain.contains(identity) || Agent.isPursued(identity, in: domains)
    }
  }

  /// Whether a process is being killed already, for whichever domain.
  static func isPursued(_ identity: ProcessIdentity, in domains: [Domain]) -> Bool {
    for domain in domains where domain.pursuit?.incident.victim.process.identity == identity { return true }
    return false
  }

  /// What is being killed for each domain.
  private func pursued() -> InlineArray<8, ProcessIdentity> {
    var pursued = InlineArray<8, ProcessIdentity>(repeating: ProcessIdentity(pid: 0, startTime: .zero))
    var count = 0
    for domain in domains where domain.isPursuing && count < pursued.count {
      guard let victim = domain.pursuit?.incident.victim.process.identity else { continue }
      pursued[count] = victim
      count += 1
    }
    return pursued
  }

  /// Surveys for a decision. False, said once, where that fails.
  private mutating func gather(_ plan: ReadingPlan) -> Bool {
    do throws(ReadFailure) {
      try machine.beginSurvey(plan, isForScores: true, units: constants.units, by: &chooser)
      while try !machine.stepSurvey(AgentTiming.surveyStep, units: constants.units, by: &chooser) {
        supervision.feed(at: machine.now)
      }
    } catch {
      sayUnlisted()
      return false
    }
    sayUnread()
    return true
  }

  /// Surveys in calm time, and looks at memory on the way as often as without it: thousands of processes take longer
  /// than memory may.
  ///
  /// - Returns: Whether the survey is complete: not where trouble came up, or where it fails.
  mutating func surveyInPassing(isForScores: Bool = true) -> Bool {
    do throws(ReadFailure) {
      try machine.beginSurvey(.everyone, isForScores: isForScores, units: constants.units, by: &chooser)
      while try !machine.stepSurvey(AgentTiming.surveyStep, units: constants.units, by: &chooser) {
        if isCalled() { return false }
      }
    } catch {
      sayUnlisted()
      return false
    }
    sayUnread()
    return true
  }

  /// Whether a domain is in trouble, looked at where it was due.
  private mutating func isCalled() -> Bool {
    let now = machine.now
    supervision.feed(at: now)
    for domain in domains where machine.isTime(for: .look(domain: domain.number), domain.dueAt <= now) {
      guard var verdict = domain.verdict, let reading = readMemory(of: domain, now, isWhole: true) else { continue }
      if domain.detector.isTrouble(reading) {
        domain.dueAt = .zero
        return true
      }
      verdict.reading = reading
      domain.dueAt = now + delay(domain, verdict)
    }
    return false
  }

  // MARK: Learning

  /// Learns which processes there are, where it is time to. While the system is in trouble there is no time for it; in
  /// a domain's trouble nothing is read that may wait for memory.
  @inline(never)
  mutating func learnInPassing(budget: Int = AgentTiming.learningBudget) {
    var interval = AgentTiming.idleSurvey
    var mayWait = true
    let isAsked = learning.isAsked
    learning.isAsked = false
    for domain in domains {
      if domain.isPursuing { return }
      guard let verdict = domain.verdict else { continue }
      if verdict.acts {
        if domain.isSystem { return }
        mayWait = false
      }
      interval = min(interval, surveyInterval(verdict, isFalling: domain.isFalling))
    }
    // However many processes there are, looking at them is not what the machine is for.
    let (rest, overflow) = learning.surveyTook.count.multipliedReportingOverflow(by: AgentTiming.surveyShare)
    interval = max(interval, Nanoseconds(overflow ? .max : rest))
    let now = machine.now
    let isDue = isAsked || chooser.learnedAt == .zero || now - chooser.learnedAt >= interval
    guard machine.isTime(for: .learn, isDue) else { return }
    learn(now, budget: budget, mayWait: mayWait)
    if constants.isVerbose, let verdict = system.verdict { sayCalm(verdict) }
  }

  /// The time between surveys at such a verdict.
  func surveyInterval(_ verdict: Verdict, isFalling: Bool) -> Nanoseconds {
    if isFalling { return AgentTiming.fallingSurvey }
    if verdict.level != .calm { return AgentTiming.watchfulSurvey }
    let hasPlenty = verdict.reading.available > KiB(verdict.reading.total.count / 2)
    return hasPlenty ? AgentTiming.idleSurvey : AgentTiming.calmSurvey
  }

  /// - Parameter mayWait: Whether files may be read that can wait for their process's memory.
  private mutating func learn(_ now: Nanoseconds, budget: Int, mayWait: Bool) {
    chooser.learnedAt = now
    let start = machine.awake
    // What is said of the calm names the first candidate; and the first survey warms what a decision will need.
    let isWhole = surveyInPassing(isForScores: constants.isVerbose || chooser.ranking.table.count == 0)
    // A machine that was asleep meanwhile did not work on it.
    learning.surveyTook = machine.awake - start
    guard isWhole else { return }
    // Growth is measured from when its processes were read.
    let now = chooser.surveyBeganAt
    chooser.learnedAt = now
    var eldest = Nanoseconds.zero
    for domain in domains {
      domain.mostAvailable = domain.verdict?.reading.available ?? .zero
      eldest = max(eldest, domain.settings.swarm?.age ?? .zero)
    }
    learning.killers.advance(
      now, chooser.ranking.table, besides: constants.ownPID, mayWait: mayWait, &machine, &reporter)
    chooser.learn(
      context(of: system), eldest: constants.units.ticks(eldest), now: now, budget: budget, mayWait: mayWait,
      from: &machine)
    chooser.noteKnown(system.reading)
    if system.settings.thresholds.stall?.source == .protected { findGuarded(now) }
  }

  /// Goes through a whole decision once before the loop starts, so that its code and memory are in place when they are
  /// needed.
  @inline(never)
  mutating func rehearse() {
    let now = machine.now
    guard let reading = readMemory(of: system, now) else { return }
    var quiet = system.detector
    let verdict = quiet.judge(reading)
    // Learning reads what may wait for memory: not where there is trouble already.
    if !verdict.acts { learn(now, budget: .max, mayWait: true) }
    let context = context(of: system)
    rank(in: 0, by: context, now)
    let decision = Decision(
      incident: 0, domain: nil, verdict: verdict, victim: chooser.ranking.shortlist.victim,
      killSet: chooser.picker.killSet,
      shortlist: chooser.ranking.shortlist, context: context, took: .zero)
    reporter.rehearse(DecisionEvent(decision, .signalled))
    hooks.warm(decision, for: system, &machine, &reporter)
    if constants.isVerbose { sayCalm(verdict) }
  }
}
