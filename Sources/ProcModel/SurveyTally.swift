/// What a survey met on its way, beside the processes that it put in the table.
package struct SurveyTally: Equatable, Sendable {
  /// A file that was read and not understood.
  package struct Malformed: Equatable, Sendable {
    package var pid: Int32
    package var file: ProcessFile
    package var error: ProcParseError

    package init(pid: Int32, file: ProcessFile, error: ProcParseError) {
      self.pid = pid
      self.file = file
      self.error = error
    }
  }

  /// Processes the walk gave, kernel threads and zombies among them.
  package var seen: UInt32 = 0
  package var kernelThreads: UInt32 = 0
  /// Ended, and no thread of them lives.
  package var zombies: UInt32 = 0
  /// Their leader is dead, and so many of their threads with it that a living one was not found in this survey.
  package var unsearched: UInt32 = 0
  /// Left out because they give back too little.
  package var leftOut: UInt32 = 0
  /// What those give back together.
  package var leftOutFootprint = KiB.zero
  /// Of ``leftOut``, those that ``Survey/rememberElders(of:from:)`` knew to be old.
  package var leftOutOld: UInt32 = 0
  /// What those give back together.
  package var leftOutOldFootprint = KiB.zero
  /// Kernel threads and zombies that nothing but `status` was read of, beside those counted above.
  package var withoutMemory: UInt32 = 0
  /// Gone between the walk and the reading.
  package var vanished: UInt32 = 0
  /// Whose `stat` may not be read (hidepid, a missing capability).
  package var denied: UInt32 = 0
  /// Whose `stat` could not be read for any other reason.
  package var failed: UInt32 = 0
  /// Files of any kind that were not understood. Only a `stat` costs its process the row.
  package var malformed: UInt32 = 0
  package var lastMalformed: Malformed?
  /// Whose cgroup could not be read, or only in part: it may lie in any.
  package var unknownCgroups: UInt32 = 0
  /// What was wrong with `uptime`: no age is known then.
  package var uptimeError: ProcParseError?
  /// In the table, with a start time after the present: their age is not known.
  package var unborn: UInt32 = 0
  /// Whether some processes do not even show: pid 1 is always there, and the walk did not give it (hidepid=2).
  package var isHidden = true

  package init() {}

  /// Whether the table has every process there is, with all that files tell of it: what is asked before anything is
  /// done to a whole cgroup.
  package var isComplete: Bool {
    !isHidden && leftOut == 0 && denied == 0 && failed == 0 && malformed == 0 && unsearched == 0 && unknownCgroups == 0
  }

  mutating func note(_ error: ProcParseError, in file: ProcessFile, of pid: Int32) {
    malformed += 1
    lastMalformed = Malformed(pid: pid, file: file, error: error)
  }
}
