import Ladder
import Policy
import Pressure
import ProcModel

/// One memory domain as the agent keeps it: what it was judged by, what was seen of it, and what is being done there.
struct Watch: Sendable {
  /// In the policy's text; nil for the system.
  var name: Slice?
  /// Whether its memory is a cgroup's, and not the machine's.
  let isCgroup: Bool
  var settings: Settings
  var detector: Detector
  var lookAhead: LookAhead
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
  /// The victim that is being ended for it.
  var pursuit: Pursuit?
  /// After an end that gave next to nothing back.
  var respite: Respite?
  /// The last episode that a rehearsal answered: nothing more is done in it.
  var rehearsedEpisode: UInt32 = 0
  /// The last episode in which it was recorded that nobody can be ended; candidates are looked for on and on.
  var helplessEpisode: UInt32 = 0
  /// The last episode in which it was said that a respite holds.
  var heldEpisode: UInt32 = 0
  /// The last episode that was said to be over.
  var closedEpisode: UInt32 = 0
  /// The episode that `hooks.warn` was started for, also before it begins; nil once memory is back over the release line.
  var warnedEpisode: UInt32?
  /// The hook that may end the victim's unit itself, and is waited for or was in vain.
  var takeOver: TakeOver?
  var said: SaidOfDomain = []
  /// What its files told that cannot be, as far as that was said.
  var doubted: Impossible = []
  /// The counters of its last readings.
  var counters = CounterMemory()

  /// - Parameter fill: As ``LookAhead/init(fill:)``.
  init(name: Slice?, isCgroup: Bool, settings: Settings, units: KernelUnits, fill: UInt64) {
    self.name = name
    self.isCgroup = isCgroup
    self.settings = settings
    detector = Detector(thresholds: settings.thresholds, units: units)
    lookAhead = LookAhead(fill: fill)
  }

  /// Judges by other settings from here on.
  mutating func replace(_ settings: Settings, name: Slice?) {
    self.settings = settings
    self.name = name
    detector.replace(settings.thresholds)
  }

  /// Whether a look has to read what is measured over windows: the trend keeps no more than one reading in so long, and
  /// with twice as much available as any of the triggers would act at, a window has time to fill.
  func measuresWindows(at now: Nanoseconds, alertUntil: Nanoseconds) -> Bool {
    if detector.isInEpisode || pursuit != nil || now < alertUntil { return true }
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
    return fallen.count > total.count / AgentPace.fallenPart
  }

  /// Whether it is in trouble, or somebody is being ended for it.
  var isBusy: Bool { pursuit != nil || verdict?.acts ?? false }
}

/// What is said of a domain once and then no more.
struct SaidOfDomain: OptionSet, Sendable {
  let rawValue: UInt8

  static let unreadable = SaidOfDomain(rawValue: 1)
  static let senseless = SaidOfDomain(rawValue: 2)
  static let noStall = SaidOfDomain(rawValue: 4)
  static let noReclaim = SaidOfDomain(rawValue: 8)
  static let isWatched = SaidOfDomain(rawValue: 16)
  static let noOwnReclaim = SaidOfDomain(rawValue: 128)
}

/// A hand that stays where it is: one for each domain, so that a victim in one does not keep another waiting.
final class HandHolder<Hand: Actuator & ~Copyable> {
  var hand: Hand

  init(_ hand: consuming Hand) {
    self.hand = hand
  }
}

extension Thresholds {
  /// Switches off the triggers whose figures are measured over windows.
  mutating func leaveOutWindows() {
    stall = nil
    thrash = nil
    limit = nil
  }
}
