import ProcModel

/// What is done in calm time besides learning which processes there are, and how long that takes.
struct LearningCourse: Sendable {
  /// What the last survey in calm time took.
  var surveyTook = Nanoseconds.zero
  var killers: KillerWatch
  /// Whether a survey is wanted now, for a flight that was asked for.
  var isAsked = false

  init(_ killers: KillerWatch) {
    self.killers = killers
  }
}
