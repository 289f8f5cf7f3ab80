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
  /// A step of relief, of the system's shortage.
  ///
  /// - Parameters:
  ///   - cgroup: Empty where none was found.
  ///   - value: What was asked for, or the limit.
  package mutating func relief(
    _ outcome: ReliefOutcome, _ action: ReliefAction, cgroup: Span<UInt8>, value: KiB?, episode: UInt32
  ) {
    begin("relief")
    json.key("domain")
    json.value("system")
    json.key("episode")
    json.value(UInt64(episode))
    json.key("action")
    json.value(action.name)
    json.key("cgroup")
    if cgroup.isEmpty { json.null() } else { json.value(untrusted: cgroup) }
    json.key("value_kib")
    if let value { json.value(value.count) } else { json.null() }
    json.key("outcome")
    json.value(outcome.name)
    switch outcome {
    case .done(let took), .partial(let took):
      json.key("took_ms")
      json.value(took.milliseconds)
    case .failed(let reason):
      json.key("error")
      json.value(reason.text)
    case .began, .undone, .skipped, .rehearsed: break
    }
    finish()
  }
}

extension Array where Element == UInt8 {
  /// `relief: memory.high of /batch.slice is lowered to 80 MiB`.
  package mutating func append(
    relief outcome: ReliefOutcome, _ action: ReliefAction, cgroup: Span<UInt8>, value: KiB?
  ) {
    append("relief: ")
    switch action {
    case .reclaim: append("reclaim of ")
    case .high: append("memory.high of ")
    case .freeze: append("freezing ")
    }
    if cgroup.isEmpty { append("the worst") } else { append(visible: cgroup) }
    switch outcome {
    case .began, .rehearsed: append(outcome == .began ? " is under way" : " would be under way")
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
    if let value {
      append("; ")
      append(value)
    }
  }
}
