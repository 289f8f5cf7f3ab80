import ProcModel

/// How often and how much the agent looks at processes in calm times.
enum AgentTiming {
  /// Between surveys while more than half of memory is available: each took 2.4 ms among 57 processes, as much as 28
  /// looks.
  static let idleSurvey = Nanoseconds.milliseconds(120_000)
  /// Between surveys while all is well: growth and standings are at most this old when trouble begins.
  static let calmSurvey = Nanoseconds.milliseconds(10_000)
  /// Between surveys below the release line.
  static let watchfulSurvey = Nanoseconds.milliseconds(1000)
  /// Between surveys while memory is being used up, the least over which growth is measured. Where they came by the
  /// clock alone, a database that had filled its pool since the last one was taken for a leak.
  static let fallingSurvey = Nanoseconds.milliseconds(500)
  /// Memory counts as being used up where such a part of it has gone since the last survey.
  static let fallenPart: UInt64 = 16
  /// A survey in calm time is not followed by another for so many times what it took.
  static let surveyShare: UInt64 = 20
  /// Processes that are asked whether they have the victim's memory, of those that are of its size.
  static let kinshipQuestions = 64
  /// Processes of a survey between two looks at the clock.
  static let surveyStep = 32
  /// Processes classified in one survey; at start all are.
  static let learningBudget = 128
  /// After the kernel tells of a stall, for so long…
  static let alertness = Nanoseconds.milliseconds(4000)
  /// … the agent looks at least so often.
  static let alertLook = Nanoseconds.milliseconds(100)
  /// Between looks at a hook that had to be killed, or that the loop could not be told of.
  static let hookLook = Nanoseconds.milliseconds(100)
  /// Between tries to save a flight that was asked for, while another one is being saved.
  static let savingLook = Nanoseconds.milliseconds(1000)
  /// A longer path of a cgroup is not told to hooks: with all else it has to fit ``HookQueue/variableCapacity``.
  static let hookPath = 1024
  /// A cgroup's limit and swap are read anew after this, where a glance at its usage would do.
  static let glances = Nanoseconds.milliseconds(1000)
  /// After the kernel was told to restart, before another way is tried.
  static let lastWord = Nanoseconds.milliseconds(1000)
  /// Between tries to put back what relief changed.
  static let undoing = Nanoseconds.milliseconds(10_000)
  /// Between tries to read memory, where that fails.
  static let blind = Nanoseconds.milliseconds(1000)
  /// How long the end of the agent waits for lines that are not written yet.
  static let lastWords = Nanoseconds.milliseconds(500)
  /// Between looks while no process can be killed, or a rehearsal was recorded.
  static let idleTrouble = Nanoseconds.milliseconds(200)
}
