import Badness
import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel
import ProcReader
import Record

/// How often and how much the agent looks at processes in calm times.
enum AgentPace {
  /// Between surveys while more than half of memory is available: each took 2.4 ms among 57 processes, as much as 28
  /// looks.
  static let idleSurvey = Nanoseconds.milliseconds(120_000)
  /// Between surveys while all is well: growth and standings are at most this old when trouble begins.
  static let calmSurvey = Nanoseconds.milliseconds(10_000)
  /// Between surveys below the release line.
  static let watchfulSurvey = Nanoseconds.milliseconds(1000)
  /// Between surveys while memory is being used up, the least over which growth is measured. Where they came by the clock
  /// alone, a database that had filled its pool since the last one was taken for a leak.
  static let fallingSurvey = Nanoseconds.milliseconds(500)
  /// Memory counts as being used up where such a part of it has gone since the last survey.
  static let fallenPart: UInt64 = 16
  /// A survey in calm time is not followed by another for so many times what it took.
  static let surveyShare: UInt64 = 20
  /// Of one party: the kernel's log is for people, and takes ten lines in five seconds from a program.
  static let kernelLines = 8
  /// Processes that are asked whether they have the victim's memory, of those that are of its size.
  static let kinshipQuestions = 64
  /// Processes of a survey between two looks at the clock.
  static let surveyStep = 32
  /// Processes classified in one survey; at start all are.
  static let learningBudget = 128
  /// After the kernel tells of a stall, for so long…
  static let alertness = Nanoseconds.milliseconds(4000)
  /// … the agent looks at least so often.
  static let alertLook = Nanoseconds.milliseconds(100)
  /// Between looks at a hook that had to be killed, or that the loop could not be told of.
  static let hookLook = Nanoseconds.milliseconds(100)
  /// A longer path of a cgroup is not told to hooks: with all else it has to fit ``HookBench/variableCapacity``.
  static let hookPath = 1024
  /// A cgroup's limit and swap are read anew after this, where a glance at its usage would do.
  static let glances = Nanoseconds.milliseconds(1000)
  /// After the kernel was told to restart, before another way is tried.
  static let lastWord = Nanoseconds.milliseconds(1000)
  /// Between tries to put back what relief changed.
  static let undoing = Nanoseconds.milliseconds(10_000)
  /// Between tries to read memory, where that fails.
  static let blind = Nanoseconds.milliseconds(1000)
  /// Between looks while nobody can be ended, or a rehearsal was recorded.
  static let idleTrouble = Nanoseconds.milliseconds(200)
}

/// What is said once and then no more.
struct Said: OptionSet, Sendable {
  let rawValue: UInt8

  static let denied = Said(rawValue: 1)
  static let malformed = Said(rawValue: 2)
  static let hidden = Said(rawValue: 4)
  static let unreadableProcesses = Said(rawValue: 8)
  static let passingRefusal = Said(rawValue: 16)
  static let unknownCgroups = Said(rawValue: 128)
  static let unborn = Said(rawValue: 32)
  static let unwritableCgroups = Said(rawValue: 64)
}

extension Agent where Source: ~Copyable, Hand: ~Copyable {
  mutating func sayOnce(_ topic: Said, _ level: MessageLevel, _ text: String) {
    sayOnce(topic, level) { line in line.append(text) }
  }

  mutating func sayOnce(_ topic: Said, _ level: MessageLevel, _ write: (inout [UInt8]) -> Void) {
    if said.insert(topic).inserted { messages.say(level, write) }
  }

  /// Walks all processes into the table, for a decision. False, said once, where that fails.
  ///
  /// - Parameter isWhole: Whether those are read too that are too small to be chosen.
  mutating func surveyProcesses(isWhole: Bool = false) -> Bool {
    isUnlisted = false
    surveyBeganAt = Nanoseconds(Clock.sinceBoot())
    do throws(ReadFailure) {
      try survey.begin(
        from: &source, units: judge.machine.units, leavingOutBelow: isWhole ? .zero : judge.leavesOutBelow,
        into: &table)
      while true {
        if let found = try survey.step(
          AgentPace.surveyStep, from: &source, units: judge.machine.units, into: &table)
        {
          tally = found
          break
        }
        supervision.feed(at: Nanoseconds(Clock.sinceBoot()))
      }
    } catch {
      sayUnlisted()
      return false
    }
    sayUnread()
    return true
  }

  /// Walks all processes into the table, in calm time, and looks at memory on the way as often as without it: thousands
  /// of processes take longer than memory may.
  ///
  /// - Returns: Whether the table is whole: not where trouble came up, or where it fails.
  mutating func surveyInPassing(isForScores: Bool = true) -> Bool {
    surveyBeganAt = Nanoseconds(Clock.sinceBoot())
    do throws(ReadFailure) {
      try survey.begin(from: &source, units: judge.machine.units, isForScores: isForScores, into: &table)
      while true {
        if let found = try survey.step(
          AgentPace.surveyStep, from: &source, units: judge.machine.units, into: &table)
        {
          tally = found
          break
        }
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
    let now = Nanoseconds(Clock.sinceBoot())
    supervision.feed(at: now)
    for number in watches.indices where watches[number].dueAt <= now {
      guard var verdict = watches[number].verdict, let reading = readMemory(of: number, now, isWhole: true) else {
        continue
      }
      if watches[number].detector.isTrouble(reading) {
        watches[number].dueAt = .zero
        return true
      }
      verdict.reading = reading
      watches[number].dueAt = now + delay(number, verdict)
    }
    return false
  }

  private mutating func sayUnlisted() {
    isUnlisted = true
    if said.contains(.unreadableProcesses) { return }
    sayOnce(
      .unreadableProcesses, .error,
      lacksUptime
        ? "uptime cannot be read, without which no age is known: no process can be chosen until it can"
        : "processes cannot be listed: nobody can be chosen until they can")
  }

  /// Whether it is the clock of a captured tree that the survey lacks.
  private var lacksUptime: Bool {
    mutating get {
      guard source.clock == nil else { return false }
      var buffer = ByteBuffer(capacity: 64)
      do throws(ReadFailure) {
        try source.read(.uptime, into: &buffer)
      } catch {
        return true
      }
      return false
    }
  }

  private mutating func sayUnread() {
    let tally = tally
    if tally.denied > 0 {
      sayOnce(.denied, .warning) { line in
        line.append(decimal: UInt64(tally.denied))
        line.append(" processes may not be read (hidepid, or a missing capability) and are never chosen")
      }
    }
    if tally.isHidden {
      sayOnce(
        .hidden, .warning, "process 1 is not to be seen: /proc hides processes (hidepid), and those are never chosen")
    }
    if tally.unknownCgroups > 0 {
      sayOnce(.unknownCgroups, .warning) { line in
        line.append(decimal: UInt64(tally.unknownCgroups))
        line.append(" processes are in cgroups that cannot be read: each counts to the domains of its nearest ancestor")
      }
    }
    if tally.unborn > 0 {
      sensors.countUnborn()
      sayOnce(.unborn, .warning) { line in
        line.append(decimal: UInt64(tally.unborn))
        line.append(" ")
        line.append(Impossible.meaning(Impossible.startTimeKind))
      }
    }
    if tally.malformed > 0 {
      sayOnce(.malformed, .warning) { line in
        line.append(decimal: UInt64(tally.malformed))
        line.append(" process files made no sense, and what they tell is left out")
      }
    }
  }

  /// Learns who is there, where it is time to. While the system is in trouble nobody has the time; in a domain's trouble
  /// nothing is read that may wait for memory.
  mutating func learnInPassing(budget: Int = AgentPace.learningBudget) {
    var interval = AgentPace.idleSurvey
    var mayWait = true
    for number in watches.indices {
      if watches[number].pursuit != nil { return }
      guard let verdict = watches[number].verdict else { continue }
      if verdict.acts {
        if number == 0 { return }
        mayWait = false
      }
      interval = min(interval, surveyInterval(verdict, isFalling: watches[number].isFalling))
    }
    // However many processes there are, looking at them is not what the machine is for.
    let (rest, overflow) = surveyTook.count.multipliedReportingOverflow(by: AgentPace.surveyShare)
    interval = max(interval, Nanoseconds(overflow ? .max : rest))
    let now = Nanoseconds(Clock.sinceBoot())
    guard surveyedAt == .zero || now - surveyedAt >= interval else { return }
    learn(now, budget: budget, mayWait: mayWait)
    if isVerbose, let verdict = watches[0].verdict { sayCalm(verdict) }
  }

  /// The time between surveys at such a verdict.
  func surveyInterval(_ verdict: Verdict, isFalling: Bool) -> Nanoseconds {
    if isFalling { return AgentPace.fallingSurvey }
    if verdict.level != .calm { return AgentPace.watchfulSurvey }
    let hasPlenty = verdict.reading.available > KiB(verdict.reading.total.count / 2)
    return hasPlenty ? AgentPace.idleSurvey : AgentPace.calmSurvey
  }

  /// - Parameter mayWait: Whether files may be read that can wait for their process's memory.
  private mutating func learn(_ now: Nanoseconds, budget: Int, mayWait: Bool) {
    surveyedAt = now
    let start = Nanoseconds(Clock.awake())
    // What is said of the calm names who would go first; and the first survey warms what a decision will need.
    let isWhole = surveyInPassing(isForScores: isVerbose || table.count == 0)
    // A machine that was asleep meanwhile did not work on it.
    surveyTook = Nanoseconds(Clock.awake()) - start
    guard isWhole else { return }
    for number in watches.indices {
      watches[number].mostAvailable = watches[number].verdict?.reading.available ?? .zero
    }
    lookForKillers(now, mayWait: mayWait)
    survey.rememberElders(of: table, from: oldestOfSwarms)
    // What a decision among so many would have to take.
    if table.count > preparedFor {
      preparedFor = table.count
      resolver.prepare(for: table)
      swarmFinder.prepare(for: table)
      kinFinder.prepare(for: table)
    }
    roster.refresh(
      table, now: now, policy: judge.policy, needs: needs, budget: budget, mayWait: mayWait, from: &source)
  }

  /// Who is older is part of no swarm, whichever domain it would be of.
  private var oldestOfSwarms: Ticks {
    var age = Nanoseconds.zero
    for watch in watches { age = max(age, watch.settings.swarm?.age ?? .zero) }
    return judge.machine.units.ticks(age)
  }

  /// Ranks a domain's part of the table into the shortlist. Allocates nothing, and reads only what takes no target's
  /// memory lock.
  mutating func rank(_ now: Nanoseconds, in number: Int) {
    shortlist.clear()
    places.clear()
    roster.meet(table, policy: judge.policy, needs: needs)
    // Nobody knows which domain they are in.
    if number == 0 { shortlist.countLeftOut(tally.leftOut) }
    for row in table.rows.indices {
      guard table.rows[row].domains.contains(DomainSet(number: number)) else {
        places.appendOutside()
        continue
      }
      let candidate = candidate(at: row, now)
      let identity = candidate.process.identity
      let isPassedOver = inVain.contains(identity) || isPursued(identity)
      places.append(candidate, isPassedOver: isPassedOver)
      shortlist.offer(
        candidate, isWorthEnding: judge.isWorthEnding(candidate.process), isPassedOver: isPassedOver)
    }
  }

  /// A row of the table with its place in the order of ending.
  mutating func candidate(at row: Int, _ now: Nanoseconds) -> Candidate {
    candidate(table.rows[row], now)
  }

  /// A process with its place in the order of ending.
  mutating func candidate(_ facts: ProcessFacts, _ now: Nanoseconds) -> Candidate {
    var process = facts
    process.growthPerSecond = roster.growthPerSecond(of: process, now: now, units: judge.machine.units)
    let standing = roster.standing(
      of: process, policy: judge.policy, needs: needs, machine: judge.machine, from: &source)
    var noTerms = NoTerms()
    return judge.candidate(process, standing: standing, terms: &noTerms)
  }

  /// Goes through a whole decision once before the loop starts, so that its code and memory are in place when they are
  /// needed.
  mutating func rehearse() {
    let now = Nanoseconds(Clock.sinceBoot())
    guard let reading = readMemory(of: 0, now) else { return }
    var quiet = watches[0].detector
    let verdict = quiet.judge(reading)
    // Learning reads what may wait for memory: not where there is trouble already.
    if !verdict.acts { learn(now, budget: .max, mayWait: true) }
    rank(now, in: 0)
    recorder.warm(verdict, shortlist, shortlist.victim, party, judge: judge)
    warmHooks(verdict)
    if isVerbose { sayCalm(verdict) }
  }

  /// What the agent sees while there is nothing to do.
  mutating func sayCalm(_ verdict: Verdict) {
    takeSeat(0, verdict.reading)
    rank(verdict.reading.time, in: 0)
    let list = shortlist
    let impossible = sensors.impossible
    messages.say(.info) { line in
      line.append(verdict.level.name)
      line.append(": available ")
      line.append(verdict.reading.available)
      line.append(" of ")
      line.append(verdict.reading.total)
      if verdict.reading.hugePool > .zero {
        line.append(" beside ")
        line.append(verdict.reading.hugePool)
        line.append(" of huge pages")
      }
      line.append(", floor ")
      line.append(verdict.lines.floorAvailable)
      line.append("; ")
      line.append(decimal: UInt64(list.considered))
      line.append(" processes, ")
      line.append(decimal: UInt64(list.protected))
      line.append(" protected, ")
      line.append(decimal: UInt64(list.tooSmall))
      line.append(" too small; ")
      if let victim = list.victim {
        line.append("first to go: ")
        line.append(victim.process)
        line.append(" with ")
        line.append(victim.process.footprint)
      } else {
        line.append("nobody to end")
      }
      line.append(impossible)
    }
  }
}
