package import ProcModel

/// What a line of Spillway's record is about.
package enum RecordKind: Equatable, Sendable {
  case start, decision, outcome, episode, hook, relief, lastResort, reload, lost, stop
  /// An event that this program does not know.
  case other
}

/// Fields of a line of the record (docs/record.md), as far as they are told of again. What a line does not have is nil.
package struct RecordEvent: Equatable, Sendable {
  package var kind = RecordKind.other
  package var schema: UInt64?
  package var time: WallTime?
  package var boot: [UInt8]?
  package var isRehearsal = false
  package var incident: [UInt8]?
  package var domain: [UInt8]?
  package var episode: UInt64?
  package var reason: [UInt8]?
  package var outcome: [UInt8]?
  package var action: [UInt8]?
  package var victim: RecordedVictim?
  package var killSet: RecordedKillSet?
  /// Of an episode that is over.
  package var ended: RecordedEpisode?
  /// What the kind has besides.
  package var more = RecordedDetails()

  package init() {}
}

/// The victim of a decision or an outcome.
package struct RecordedVictim: Equatable, Sendable {
  package var pid: Int32?
  package var startTime: UInt64?
  package var name: [UInt8] = []
  package var uid: UInt32?
  package var unit: [UInt8]?
  package var cgroup: [UInt8]?
  package var executable: [UInt8]?
  package var rule: [UInt8]?
  package var footprint: KiB?
}

package struct RecordedKillSet: Equatable, Sendable {
  package var scope: [UInt8] = []
  package var choice: [UInt8] = []
  package var swarm: [UInt8]?
  package var members: UInt64 = 1
  package var pids: [Int32] = []
  package var footprint: KiB?
}

/// An episode, as its event tells when it is over.
package struct RecordedEpisode: Equatable, Sendable {
  package var decisions: UInt64?
  package var duration: UInt64?
  package var lowestAvailable: KiB?
  /// How many processes the kernel killed meanwhile, of the whole machine; nil where it does not count.
  package var kernelKills: UInt64?
  package var end: [UInt8]?
  /// Milliseconds from the decision until the would-be victim was gone; nil where it lived.
  package var victimExitedAfter: UInt64?
}

/// Fields of single kinds of events.
package struct RecordedDetails: Equatable, Sendable {
  package var trigger: [UInt8]?
  package var level: [UInt8]?
  package var escalation: [UInt8]?
  package var error: [UInt8]?
  package var note: [UInt8]?
  package var after: UInt64?
  package var freed: KiB?
  package var available: KiB?
  package var floor: KiB?
  package var policy: [UInt8]?
  package var version: [UInt8]?
  /// How many events like it were left out of the record before it.
  package var folded: UInt64?
  /// How many lines were lost before it.
  package var lost: UInt64?
  /// The agent's, of a start.
  package var pid: UInt64?
  /// How a hook exited.
  package var status: UInt64?
  /// The program of a hook, the cgroup of a relief, or the output of which lines are lost.
  package var subject: [UInt8]?
  /// `warn`, `before`, … of a hook.
  package var occasion: [UInt8]?
  /// The memory domains of a start: their names and cgroups, one after the other.
  package var domains: [RecordedDomain] = []
}

package struct RecordedDomain: Equatable, Sendable {
  package var name: [UInt8] = []
  package var cgroup: [UInt8] = []
}
