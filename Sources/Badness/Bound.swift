package import ProcModel

extension Formula {
  /// The most that a process may score that holds no more than `footprint`; nil where the formula has no such bound, since
  /// it counts address space or the kernel's own score.
  ///
  /// Growth makes four times as much of a footprint at most, and processor time only divides.
  ///
  /// - Parameter known: What is known of the process: its age, its effective user and capabilities, and its
  ///   `oom_score_adj`.
  package func bound(
    _ known: ProcessFacts, footprint: KiB, adjustment: OomScoreAdjUse, units: KernelUnits
  ) -> Double? {
    switch self {
    case .footprint: return Double(footprint.count)
    case .spillway:
      var process = known
      process.holdOnly(footprint)
      process.cpu = .zero
      process.growthPerSecond = footprint
      var terms = NoTerms()
      return spillwayScore(process, units: units, adjustment: adjustment, terms: &terms)
    case .classic, .linux24, .linux26, .linux, .oomScore: return nil
    }
  }
}
