/// What a survey met beside the processes in its table.
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

  /// The processes that the walk gave, kernel threads and zombies among them.
  package var seen: UInt32 = 0
  package var kernelThreads: UInt32 = 0
  /// Processes of which no thread lives.
  package var zombies: UInt32 = 0
  /// Processes whose leader is dead, and of which so many threads are dead too that no living one was found in this
  /// survey.
  package var unsearched: UInt32 = 0
  /// Processes that were left out because killing them gives back too little.
  package var leftOut: UInt32 = 0
  /// The footprint of the processes in ``leftOut`` together.
  package var leftOutFootprint = KiB.zero
  /// The processes of ``leftOut`` that ``Survey/rememberElders(of:from:)`` had noted as old.
  package var leftOutOld: UInt32 = 0
  /// The footprint of the processes in ``leftOutOld`` together.
  package var leftOutOldFootprint = KiB.zero
  /// Processes that were not read, since the books prove that none of them is the victim (``Books``). Each is known from
  /// calmer times.
  package var unread: UInt32 = 0
  /// The processes of ``unread`` that may be part of a swarm.
  package var unreadYoung: UInt32 = 0
  /// The most that the processes of ``unread`` hold, all together.
  package var remainder = KiB.zero
  /// The highest score that one of them may have.
  package var bound = 0.0
  /// Kernel threads and zombies of which only `status` was read. They are not in the counts above.
  package var withoutMemory: UInt32 = 0
  /// Processes that exited between the walk and the reading.
  package var vanished: UInt32 = 0
  /// Processes whose `stat` may not be read (hidepid, a missing capability).
  package var denied: UInt32 = 0
  /// Processes whose `stat` could not be read for any other reason.
  package var failed: UInt32 = 0
  /// Files of any kind that were not understood. Only a `stat` costs its process the row.
  package var malformed: UInt32 = 0
  package var lastMalformed: Malformed?
  /// Processes whose cgroup could not be read, or only in part. Such a process may be in any cgroup.
  package var unknownCgroups: UInt32 = 0
  /// What was wrong with `uptime`. No age is known then.
  package var uptimeError: ProcParseError?
  /// Processes in the table whose start time is after the present. Their age is unknown.
  package var unborn: UInt32 = 0
  /// Whether the walk hides processes (hidepid=2): process 1 always exists, and the walk did not give it.
  package var isHidden = true

  package init() {}

  /// Whether the table has every process there is, with all that its files tell. Nothing is done to a whole cgroup
  /// otherwise.
  package var isComplete: Bool {
    !isHidden && !isShort && denied == 0 && failed == 0 && malformed == 0 && unsearched == 0 && unknownCgroups == 0
  }

  /// Whether processes are missing from the table that the survey could have read.
  package var isShort: Bool { leftOut > 0 || unread > 0 }

  mutating func note(_ error: ProcParseError, in file: ProcessFile, of pid: Int32) {
    malformed += 1
    lastMalformed = Malformed(pid: pid, file: file, error: error)
  }
}
