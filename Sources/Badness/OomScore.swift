import ProcModel

/// The formula `oom-score`: the kernel's own number, proc(5) `/proc/PID/oom_score`.
///
/// Where it could not be read the score is 0, and the term's name says why. The kernel has already added
/// `oom_score_adj`, so the policy's `oom_score_adj` has no effect.
func oomScoreScore<Sink: TermSink>(_ process: ProcessFacts, terms: inout Sink) -> Double {
  guard let points = process.oomScore else {
    terms.add(Term("oom_score_unread", 0, .none))
    return 0
  }
  var tally = WholeTally()
  tally.add(Int64(points), for: "oom_score", Double(points), terms: &terms)
  return tally.score
}
