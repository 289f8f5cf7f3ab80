package import ProcModel

extension Formula {
  /// The most that a process may score that holds no more than `footprint`, whatever else is learned of it; nil where the
  /// formula has no such bound, since it counts address space or the kernel's own score.
  ///
  /// Growth makes four times as much of a footprint at most, and processor time and privilege only divide.
  ///
  /// - Parameter age: The least age that it may have.
  package func bound(
    footprint: KiB, age: Ticks, oomScoreAdj: Int16, adjustment: OomScoreAdjUse, units: KernelUnits
  ) -> Double? {
    switch self {
    case .footprint: return Double(footprint.count)
    case .spillway:
      var process = ProcessFacts(identity: ProcessIdentity(pid: 0, startTime: .zero))
      process.anonymous = footprint
      (process.realUID, process.effectiveUID) = (.max, .max)
      process.age = age
      process.oomScoreAdj = oomScoreAdj
      process.growthPerSecond = footprint
      var terms = NoTerms()
      return spillwayScore(process, units: units, adjustment: adjustment, terms: &terms)
    case .classic, .linux24, .linux26, .linux, .oomScore: return nil
    }
  }
}
