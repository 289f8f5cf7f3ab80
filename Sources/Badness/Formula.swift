import ProcModel

/// The formulas by which a process's badness can be reckoned. The raw values stand in policy images and never change.
package enum Formula: UInt8, CaseIterable, Sendable {
  case classic = 1
  case linux24 = 2
  case linux26 = 3
  case linux = 4
  case oomScore = 5
  case footprint = 6
  case spillway = 7

  /// As policies and `--formula` name it.
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

  /// Whether it reckons in whole numbers, as the kernel does: every division drops the remainder.
  package var isWhole: Bool {
    switch self {
    case .classic, .linux24, .linux26, .linux, .oomScore: true
    case .footprint, .spillway: false
    }
  }

  /// The unit of its score, for people.
  package var unit: String {
    switch self {
    case .classic, .linux24, .linux26, .linux: "pages"
    case .oomScore: "points"
    case .footprint, .spillway: "KiB"
    }
  }
}

/// What a formula makes of `oom_score_adj`. −1000 protects under every one of these.
package enum OomScoreAdjUse: UInt8, CaseIterable, Sendable {
  /// Negative values spare a process, positive ones offer it.
  case respect = 1
  /// Negative values spare; positive ones count as 0, so that a session manager's default of 200 does not choose the
  /// victim.
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

  /// The adjustment that counts. −1000 does under each.
  package func effective(_ adjustment: Int16) -> Int16 {
    guard adjustment > -1000 else { return -1000 }
    return switch self {
    case .respect: adjustment
    case .protectOnly: min(adjustment, 0)
    case .ignore: 0
    }
  }
}
