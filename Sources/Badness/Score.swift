package import ProcModel

extension Formula {
  /// Returns the badness of one process. The process with the largest is killed first.
  ///
  /// - Parameters:
  ///   - process: The facts of a survey, those that depend on other processes included.
  ///   - machine: RAM, swap and the kernel's units.
  ///   - adjustment: How `oom_score_adj` is used.
  ///   - terms: Receives each step, in order.
  /// - Returns: The score in ``unit``. It is a whole number for the kernel's formulas. It is never below 0, except for
  ///   `linux` with a negative adjustment.
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
