package import ProcModel

/// One run of the agent, among all of a machine: by the boot, and by when in it the agent began.
///
/// An *incident* is a decision and all that follows from it. Its id lasts: `1e4b4a41-8412-3` is the third of the agent
/// that began 8412 seconds after that boot.
package struct RunID: Sendable {
  /// Nil where what is read is a captured tree.
  package var boot: BootID?
  /// On the clock of start times.
  package var startedAt: Nanoseconds

  package init(boot: BootID? = nil, startedAt: Nanoseconds = .zero) {
    self.boot = boot
    self.startedAt = startedAt
  }
}

extension Array where Element == UInt8 {
  /// The id of an incident.
  ///
  /// - Parameter number: Of the run's incidents, from 1.
  package mutating func append(incident number: UInt32, of run: RunID) {
    if let boot = run.boot {
      let bytes = boot.bytes
      for index in 0..<8 { append(bytes[index]) }
    } else {
      append("00000000")
    }
    append("-")
    append(decimal: run.startedAt.milliseconds / 1000)
    append("-")
    append(decimal: UInt64(number))
  }
}
