package import ProcModel

extension Formula {
  /// The badness of one process: the larger, the sooner it goes.
  ///
  /// - Parameters:
  ///   - process: As surveyed, with what its neighbours tell of it.
  ///   - machine: RAM, swap and the kernel's units.
  ///   - adjustment: What to make of `oom_score_adj`.
  ///   - terms: Told each step in order.
  /// - Returns: In ``unit``. Whole for the kernel's formulas; never below 0 but for `linux`, which a negative
  ///   adjustment takes below.
  package func score<Sink: TermSink>(
    _ process: ProcessFacts, on machine: MachineFacts, adjustment: OomScoreAdjUse,
    terms: inout Sink
  ) -> Double {
    switch self {
    case .classic: classicScore(process, units: machine.units, terms: &terms)
    case .linux24: linux24Score(process, units: machine.units, terms: &terms)
    case .linux26:
      linux26Score(process, units: machine.units, adjustment: adjustment, terms: &terms)
    case .linux: linuxScore(process, on: machine, adjustment: adjustment, terms: &terms)
    case .oomScore: oomScoreScore(process, terms: &terms)
    case .footprint: footprintScore(process, terms: &terms)
    case .spillway:
      spillwayScore(process, units: machine.units, adjustment: adjustment, terms: &terms)
    }
  }
}
