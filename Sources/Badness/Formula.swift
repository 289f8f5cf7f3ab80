import ProcModel

/// The formulas for a process's badness. Their raw values are stored in policy images and never change.
package enum Formula: UInt8, CaseIterable, Sendable {
  case classic = 1
  case linux24 = 2
  case linux26 = 3
  case linux = 4
  case oomScore = 5
  case footprint = 6
  case spillway = 7

  /// The formula's name in policies and for `--formula`.
  package var name: String {
    switch self {
    case .classic: "classic"
    case .linux24: "linux-2.4"
    case .linux26: "linux-2.6"
    case .linux: "linux"
    case .oomScore: "oom-score"
    case .footprint: "footprint"
    case .spillway: "spillway"
    }
  }

  /// Whether the formula reckons in whole numbers, as the kernel does: every division drops the remainder.
  package var isWhole: Bool {
    switch self {
    case .classic, .linux24, .linux26, .linux, .oomScore: true
    case .footprint, .spillway: false
    }
  }

  /// Whether `oom_score_adj` counts in it as its use says. The formula `oom-score` is the kernel's own number, in which
  /// it counts already.
  package var usesAdjustment: Bool {
    switch self {
    case .linux26, .linux, .spillway: true
    case .classic, .linux24, .oomScore, .footprint: false
    }
  }

  /// The unit of the formula's score, for people.
  package var unit: String {
    switch self {
    case .classic, .linux24, .linux26, .linux: "pages"
    case .oomScore: "points"
    case .footprint, .spillway: "KiB"
    }
  }
}

/// How a formula uses `oom_score_adj`. −1000 protects a process under each of these.
package enum OomScoreAdjUse: UInt8, CaseIterable, Sendable {
  /// Negative values spare a process, and positive ones make it a more likely victim.
  case respect = 1
  /// Negative values spare a process, and positive ones count as 0, so that a session manager's default of 200 does not
  /// choose the victim.
  case protectOnly = 2
  /// Every value but −1000 counts as 0.
  case ignore = 3

  package var name: String {
    switch self {
    case .respect: "respect"
    case .protectOnly: "protect-only"
    case .ignore: "ignore"
    }
  }

  /// Returns the adjustment that counts. −1000 counts under each use.
  package func effective(_ adjustment: Int16) -> Int16 {
    guard adjustment > -1000 else { return -1000 }
    return switch self {
    case .respect: adjustment
    case .protectOnly: min(adjustment, 0)
    case .ignore: 0
    }
  }
}
