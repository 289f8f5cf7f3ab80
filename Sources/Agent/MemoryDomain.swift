import Badness
import Ladder
import Policy
import Pressure
import ProcModel
import Record

/// A memory domain: what can run out, which is the whole system or one cgroup with a limit. It has its settings, what
/// was seen of it, and the victim that is being killed for it.
final class MemoryDomain<Calls: KillCalls> {
  /// Its place among the roots of the survey: 0 for the system, which is always there, then the policy's domains in its
  /// order. Nil where a reload took it out of the policy while a victim was being killed for it: it stays until that is
  /// over, and nothing new is chosen for it.
  var number: Int?
  /// The event loop's tag of its victim's exit.
  let tag: UInt64
  /// Whether its memory is a cgroup's, and not the machine's.
  let isCgroup: Bool
  /// The path of its cgroup; empty for the root.
  let path: ByteBuffer
  /// Of which its name and settings are.
  var policy: CompiledPolicy
  /// In the policy's text; nil for the system.
  var name: Slice?
  var settings: Settings
  var killer: Killer<Calls>

  var detector: Detector
  var lookAhead: LookAhead
  /// The last reading that was understood.
  var reading: MemoryReading?
  /// Whether a reading was tried later and failed.
  var isBlind = false
  var verdict: Verdict? {
    didSet { mostAvailable = max(mostAvailable, verdict?.reading.available ?? .zero) }
  }
  /// The most that was available at any look since the last survey of all.
  var mostAvailable = KiB.zero
  /// The last reading of all that a cgroup tells, until it is too old to go by.
  var whole: MemoryReading?
  /// When all was read that a trigger measures over a window.
  var windowsAt = Nanoseconds.zero
  /// When to look next.
  var dueAt = Nanoseconds.zero
  /// The victim that is being killed for it.
  var pursuit: Pursuit? {
    didSet { isPursuing = pursuit != nil }
  }
  // Each look asks whether there is a victim or a hook. Asking the optional itself copied it: that took a sixth of the
  // 62 000 instructions of a calm look in the small form.
  private(set) var isPursuing = false
  private(set) var isAskingHook = false
  /// Of the victim that was chosen last. One for each domain: it is told until the victim's outcome.
  var origin = ProcessOrigin()
  /// After a kill that gave next to nothing back.
  var coolDown: CoolDown?
  /// The hook that may stop the victim's unit itself, and is waited for or was in vain.
  var takeOver: TakeOver? {
    didSet { isAskingHook = takeOver != nil }
  }
  /// What was done or said in which episode, so that it is not done or said again.
  var done = EpisodeMarks()
  /// What the episode that it is in has come to.
  var episode = DomainEpisode()
  var said: DomainNotice = []
  /// What its files told that cannot be, as far as that was said.
  var doubted: Impossible = []
  /// The counters of its last readings.
  var counters = CounterMemory()

  /// - Parameters:
  ///   - path: Of its cgroup; empty for the root, and for a system that is the machine.
  ///   - fill: As ``LookAhead/init(fill:)``.
  ///   - calls: Nil in a dry run.
  init(
    number: Int, tag: UInt64, isCgroup: Bool, path: Span<UInt8>, policy: CompiledPolicy, units: KernelUnits,
    fill: UInt64, calls: Calls?
  ) {
    self.number = number
    self.tag = tag
    self.isCgroup = isCgroup
    var bytes: [UInt8] = []
    for index in path.indices { bytes.append(path[index]) }
    self.path = ByteBuffer(bytes)
    self.policy = policy
    killer = Killer(calls: calls, capacity: number == 0 ? Killer<Calls>.capacity : Killer<Calls>.furtherCapacity)
    name = number == 0 ? nil : policy.domains[number - 1].name
    settings = policy.settings(of: number)
    detector = Detector(thresholds: settings.thresholds, units: units)
    lookAhead = LookAhead(fill: fill)
  }

  var isSystem: Bool { number == 0 }

  func take(_ reading: MemoryReading) {
    self.reading = reading
    isBlind = false
  }

  /// Judges by another policy from here on.
  func takeUp(_ policy: CompiledPolicy, number: Int) {
    self.policy = policy
    self.number = number
    name = number == 0 ? nil : policy.domains[number - 1].name
    let old = settings.thresholds.stall?.source ?? .domain
    settings = policy.settings(of: number)
    detector.replace(settings.thresholds)
    // Whose lost time it is, is another from here on: no window spans the change, and no step over it is doubted.
    if old != settings.thresholds.stall?.source ?? .domain { counters = CounterMemory() }
  }

  /// By which its processes are scored.
  ///
  /// - Parameter agent: The agent's process number, or 0.
  func context(units: KernelUnits, agent: Int32) -> ScoringContext {
    let machine = reading.map { MachineFacts($0, units: units) } ?? MachineFacts(ram: .zero, swap: .zero, units: units)
    var context = ScoringContext(policy: policy, machine: machine, agent: agent)
    context.settings = settings
    return context
  }

  /// Says of a topic that it was told of. Whether this is the first time.
  func isNew(_ topic: DomainNotice) -> Bool { said.insert(topic).inserted }

  /// Whether a look has to read what is measured over windows: the trend keeps no more than one reading in so long, and
  /// with twice as much available as any of the triggers would act at, a window has time to fill.
  func measuresWindows(at now: Nanoseconds, alertUntil: Nanoseconds) -> Bool {
    if detector.isInEpisode || isPursuing || now < alertUntil { return true }
    return now - windowsAt >= detector.spacing && !hasPlenty
  }

  private var hasPlenty: Bool {
    guard !isCgroup, let reading = verdict?.reading else { return false }
    let ceiling = settings.thresholds.ceiling(of: reading.total)
    return reading.available > ceiling + ceiling
  }

  /// How much less is available than there was since the last survey.
  var fallen: KiB { mostAvailable - (verdict?.reading.available ?? mostAvailable) }

  /// Whether a good part of its memory has been used up since the last survey.
  var isFalling: Bool {
    guard let total = verdict?.reading.total, total > .zero else { return false }
    return fallen.count > total.count / AgentTiming.fallenPart
  }

  /// Whether the episode is not over that the record will tell of.
  var isInEpisode: Bool { episode.account.number != 0 }

  /// Whether it is in trouble, or a victim is being killed for it.
  var isBusy: Bool { isPursuing || verdict?.acts ?? false }
}

/// The last episodes in which something was done or said that is done or said once an episode; 0 before the first.
struct EpisodeMarks: Sendable {
  /// A rehearsal answered it: nothing more is done in it.
  var rehearsed: UInt32 = 0
  /// It was recorded that no process can be killed; candidates are looked for on and on.
  var helpless: UInt32 = 0
  /// It was said that a cool-down holds.
  var held: UInt32 = 0
  /// It was told to be over.
  var closed: UInt32 = 0
  /// The hook `warn` was started for it, also before it begins; nil once memory is back over the release line.
  var warned: UInt32?
}

/// What is said of a domain once and then no more.
struct DomainNotice: OptionSet, Sendable {
  let rawValue: UInt8

  static let unreadable = DomainNotice(rawValue: 1)
  static let senseless = DomainNotice(rawValue: 2)
  static let noStall = DomainNotice(rawValue: 4)
  static let noReclaim = DomainNotice(rawValue: 8)
  static let isWatched = DomainNotice(rawValue: 16)
  static let noGuarded = DomainNotice(rawValue: 32)
  static let noOwnReclaim = DomainNotice(rawValue: 128)
}

extension Thresholds {
  /// Switches off the triggers whose figures are measured over windows.
  mutating func leaveOutWindows() {
    stall = nil
    thrash = nil
    limit = nil
  }
}

extension CompiledPolicy {
  /// The settings of a memory domain, by its number.
  fileprivate func settings(of number: Int) -> Settings {
    number == 0 ? settings : domains[number - 1].settings
  }
}
