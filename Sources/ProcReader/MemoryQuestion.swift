package import Pressure
package import ProcModel

/// What is asked of a memory domain at a look.
package struct MemoryQuestion: Sendable {
  /// The domain's number; nil where it is none of the policy's any more.
  package var domain: Int?
  /// The path of its cgroup; nil where its memory is the machine's.
  package var cgroup: ByteBuffer?
  /// By which the reading will be judged. What its triggers do not need is not read.
  package var thresholds: Thresholds
  /// The cgroup's last full reading, where that is new enough for a glance at its usage to do.
  package var lastWhole: MemoryReading?
  package var time: Nanoseconds

  package init(
    domain: Int?, cgroup: ByteBuffer?, thresholds: Thresholds, lastWhole: MemoryReading?, time: Nanoseconds
  ) {
    self.domain = domain
    self.cgroup = cgroup
    self.thresholds = thresholds
    self.lastWhole = lastWhole
    self.time = time
  }
}

/// What was read of a memory domain.
package struct MemoryAnswer: Sendable {
  package var reading: MemoryReading
  /// Whether a glance at the cgroup's usage did (``Sensors/glance(cgroup:after:at:from:)``).
  package var isGlance = false
  /// The sources that could not be read, whose trigger is therefore off.
  package var missing: Sensors.Missing = []

  package init(_ reading: MemoryReading) {
    self.reading = reading
  }
}

extension Sensors {
  /// Reads a memory domain.
  package mutating func answer<Source: ProcSource & ~Copyable>(
    _ question: MemoryQuestion, from source: inout Source
  ) throws(Blindness) -> MemoryAnswer {
    var answer = try answerOfItself(question, from: &source)
    if !answer.isGlance, let stall = question.thresholds.stall, stall.source != .domain {
      countGuarded(in: &answer, at: question.time, from: &source)
    }
    return answer
  }

  private mutating func answerOfItself<Source: ProcSource & ~Copyable>(
    _ question: MemoryQuestion, from source: inout Source
  ) throws(Blindness) -> MemoryAnswer {
    var missing: Missing = []
    guard let cgroup = question.cgroup else {
      var answer = MemoryAnswer(
        try read(for: question.thresholds, from: &source, at: question.time, missing: &missing))
      answer.missing = missing
      return answer
    }
    if let last = question.lastWhole,
      let glance = glance(cgroup: cgroup.bytes, after: last, at: question.time, from: &source)
    {
      var answer = MemoryAnswer(glance)
      answer.isGlance = true
      return answer
    }
    let machine = try read(for: nil, from: &source, at: question.time, missing: &missing)
    var answer = MemoryAnswer(
      try read(cgroup: cgroup.bytes, for: question.thresholds, on: machine, from: &source, missing: &missing))
    answer.reading.isSwapBeingTakenAway = machine.isSwapBeingTakenAway
    answer.missing = missing
    return answer
  }
}
