package import Badness
package import Pressure
package import ProcModel

/// A policy as the engine knows it: tables, no text to be understood.
///
/// Built by the compiler in the tool, carried by an image (docs/policy-image.md), never changed after.
package struct CompiledPolicy: Equatable, Sendable {
  /// So that the rules that touched a process fit one ``Bits256``.
  package static let maximumRules = 256
  /// Beside the system.
  package static let maximumDomains = DomainRoots.capacity - 1

  /// The system's.
  package var settings: Settings
  /// Of the machine, whichever domain is in trouble.
  package var measures = Measures()
  /// Memory domains beside the system, at most ``maximumDomains``.
  package var domains: [Domain] = []
  /// In file order, at most ``maximumRules``.
  package var rules: [Rule] = []
  /// The tests of all rules, one rule's after the other's.
  package var tests: [FieldTest] = []
  /// The alternatives of all tests, one test's after the other's.
  package var alternatives: [Alternative] = []
  package var patterns: [TextPattern] = []
  /// What the patterns' middles must be; many share one.
  package var automata: [Automaton] = []
  /// The programs that hooks start.
  package var commands: [Command] = []
  /// The paths of the cgroups that `[relief]` is about, and last the one that `stall.of` names, where it names one.
  package var cgroups: [Slice] = []
  /// All names and literal texts.
  package var text: [UInt8] = []

  package init(settings: Settings) {
    self.settings = settings
  }

  /// The bytes of a name or literal.
  @_lifetime(borrow self)
  package func bytes(_ range: Slice) -> Span<UInt8> {
    text.span.extracting(range.indices)
  }

  /// The path of the cgroup whose lost time the system's `stall` trigger measures; nil where that is none.
  package var guardedCgroup: Slice? {
    settings.thresholds.stall?.source == .cgroup ? cgroups.last : nil
  }

  /// Whether any rule has processes killed before that tier.
  package func hasOrder(before tier: Tier) -> Bool {
    for rule in rules {
      if let order = rule.order, order < tier { return true }
    }
    return false
  }
}

/// A run of entries in one of the policy's tables.
package struct Slice: Equatable, Sendable {
  package var start: UInt32
  package var count: UInt32

  package init(start: UInt32, count: UInt32) {
    self.start = start
    self.count = count
  }

  package var indices: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// One `[[domain]]`: a cgroup whose memory can run out while the machine's does not.
package struct Domain: Equatable, Sendable {
  package var name: Slice
  /// The path of its cgroup, as `/proc/PID/cgroup` has it, without a slash at the end.
  package var cgroup: Slice
  /// Shares are of its limit.
  package var settings: Settings

  package init(name: Slice, cgroup: Slice, settings: Settings) {
    self.name = name
    self.cgroup = cgroup
    self.settings = settings
  }
}

/// What a memory domain is judged by.
package struct Settings: Equatable, Sendable {
  package var thresholds: Thresholds
  package var formula: Formula
  package var adjustment: OomScoreAdjUse
  /// Whether an `oom_score_adj` that a process has from its parent counts as 0; −1000 protects all the same.
  package var ignoresInherited = false
  /// Between the first signal and SIGKILL, unless memory worsens sooner. Where no rule says otherwise.
  package var grace: Nanoseconds
  /// A process with less to give back is not worth killing; a share is of `MemTotal`.
  package var minimumFootprint: MinimumFootprint
  /// Where no rule says otherwise.
  package var scope = Scope.process
  /// Where no rule says otherwise.
  package var signal = VictimSignal.terminate
  package var swarm: Swarm?

  package init(
    thresholds: Thresholds, formula: Formula, adjustment: OomScoreAdjUse, grace: Nanoseconds,
    minimumFootprint: MinimumFootprint
  ) {
    self.thresholds = thresholds
    self.formula = formula
    self.adjustment = adjustment
    self.grace = grace
    self.minimumFootprint = minimumFootprint
  }
}

/// The line below which killing a process does not help.
package enum MinimumFootprint: Equatable, Sendable {
  /// 10 MiB or 2 % of `MemTotal`, whichever is less.
  case automatic
  case amount(Amount)

  package func of(_ total: KiB) -> KiB {
    switch self {
    case .automatic: min(KiB(10 * 1024), BasisPoints.percent(2).of(total))
    case .amount(let amount): amount.of(total)
    }
  }
}

/// One `[[rule]]`.
package struct Rule: Equatable, Sendable {
  package var name: Slice
  /// All must hold, but for the last of them, ``exceptions``: of those not all may. A rule has at least one.
  package var tests: Slice
  /// How many of its tests stand in `not`.
  package var exceptions: UInt8 = 0
  package var protects: Bool
  package var order: Tier?
  /// Multiplies badness; finite and not negative; 1 changes nothing.
  package var weight: Double
  // What it says of the way down, if anything.
  package var scope: Scope?
  package var signal: VictimSignal?
  package var grace: Nanoseconds?
  package var hook: HookChoice?

  package init(name: Slice, tests: Slice, protects: Bool, order: Tier?, weight: Double) {
    self.name = name
    self.tests = tests
    self.protects = protects
    self.order = order
    self.weight = weight
  }

  /// The tests that all must hold.
  package var conditions: Range<Int> { tests.indices.dropLast(Int(exceptions)) }
  /// Those of which not all may hold, where there are any.
  package var exceptionTests: Range<Int> { conditions.upperBound..<tests.indices.upperBound }
}

/// The order in which processes are considered: none of a later tier is touched while an earlier one has a candidate
/// worth killing.
package enum Tier: UInt8, CaseIterable, Comparable, Sendable {
  case first = 1
  case normal = 2
  case last = 3

  package var name: String {
    switch self {
    case .first: "first"
    case .normal: "normal"
    case .last: "last"
    }
  }

  package static func < (left: Tier, right: Tier) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// One field of a rule's `match`: any alternative will do.
package struct FieldTest: Equatable, Sendable {
  package var field: MatchField
  package var alternatives: Slice

  package init(field: MatchField, alternatives: Slice) {
    self.field = field
    self.alternatives = alternatives
  }
}

/// One of the values a field may have.
package enum Alternative: Equatable, Sendable {
  /// Just these bytes.
  case literal(Slice)
  /// What ``CompiledPolicy/patterns`` at this index matches.
  case pattern(UInt32)
  /// A number from the first to the second.
  case range(UInt32, UInt32)
  /// Any of these capabilities; at least one.
  case capabilities(CapabilitySet)
  /// A number from the first to the second, with a sign.
  case signedRange(Int32, Int32)
  case time(Nanoseconds)
  /// Of memory; a share is of the domain's.
  case amount(Amount)
  case flag(Bool)
  /// No process has it, whatever the field: what a user that does not exist is compiled to.
  case never
}

/// A glob or regular expression, its literal ends apart: most of a real pattern is just text, and the middle of most is
/// the same `*`.
///
/// It matches a text that begins with the prefix, ends with the suffix, and has between them, where they do not
/// overlap, what the automaton accepts.
package struct TextPattern: Equatable, Sendable {
  package var prefix: Slice
  /// An index of ``CompiledPolicy/automata``.
  package var automaton: UInt32
  package var suffix: Slice

  package init(prefix: Slice, automaton: UInt32, suffix: Slice) {
    self.prefix = prefix
    self.automaton = automaton
    self.suffix = suffix
  }
}
