package import LinuxSystem
package import ProcModel

/// What relief does.
package enum ReliefAction: UInt8, CaseIterable, Sendable {
  case reclaim
  case high
  case freeze

  /// As `[relief]` in a policy has it.
  package var name: String {
    switch self {
    case .reclaim: "reclaim"
    case .high: "high"
    case .freeze: "freeze"
    }
  }
}

/// What came of it.
package enum ReliefOutcome: Equatable, Sendable {
  /// A limit is being lowered, or a cgroup frozen.
  case began
  /// It is as it was before.
  case undone
  /// The kernel took back all that was asked for, or less, after so long.
  case done(Nanoseconds)
  case partial(Nanoseconds)
  /// There was nothing to do, or it may not be done.
  case skipped
  case failed(Errno)
  /// It would have been done: this is a dry run.
  case rehearsed

  package var name: String {
    switch self {
    case .began: "began"
    case .undone: "undone"
    case .done: "done"
    case .partial: "partial"
    case .skipped: "skipped"
    case .failed: "failed"
    case .rehearsed: "rehearsed"
    }
  }
}

extension Recorder {
  mutating func compose(_ step: ReliefEvent) -> Bool {
    begin("relief")
    json.field("domain", "system")
    json.field("episode", UInt64(step.episode))
    json.field("action", step.action.name)
    json.key("cgroup")
    if step.cgroup.count == 0 { json.null() } else { json.value(untrusted: step.cgroup.bytes) }
    json.field("value_kib", optional: step.value?.count)
    json.field("outcome", step.outcome.name)
    switch step.outcome {
    case .done(let took), .partial(let took): json.field("took_ms", took.milliseconds)
    case .failed(let reason): json.field("error", reason.text)
    case .began, .undone, .skipped, .rehearsed: break
    }
    return finish()
  }
}

extension Array where Element == UInt8 {
  /// `relief: memory.high of /batch.slice is lowered to 80 MiB`.
  package mutating func append(_ step: ReliefEvent) {
    append("relief: ")
    switch step.action {
    case .reclaim: append("reclaim of ")
    case .high: append("memory.high of ")
    case .freeze: append("freezing ")
    }
    if step.cgroup.count == 0 { append("the worst") } else { append(visible: step.cgroup.bytes) }
    switch step.outcome {
    case .began, .rehearsed: append(step.outcome == .began ? " is under way" : " would be under way")
    case .undone: append(" is undone")
    case .done(let took):
      append(" is done after ")
      append(decimal: took.milliseconds)
      append(" ms")
    case .partial(let took):
      append(" came to less than was asked for, after ")
      append(decimal: took.milliseconds)
      append(" ms")
    case .skipped: append(" is left out: there is nothing to do, or others would be hit")
    case .failed(let reason):
      append(" fails: ")
      append(reason.text)
    }
    if let value = step.value {
      append("; ")
      append(value)
    }
  }
}
