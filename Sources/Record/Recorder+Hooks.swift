package import Ladder
import LinuxSystem
import Policy
import Pressure
import ProcModel

/// At which a hook is started.
package enum HookOccasion: UInt8, CaseIterable, Sendable {
  case warn
  case before
  case after
  case noCandidate

  /// As `[hooks]` in a policy has it.
  package var name: String {
    switch self {
    case .warn: "warn"
    case .before: "before"
    case .after: "after"
    case .noCandidate: "no_candidate"
    }
  }
}

/// What came of a hook.
package enum HookOutcome: Equatable, Sendable {
  case ended(HookEnd)
  /// Too many waited for their turn, or its time to take over was up before it came to it.
  case skipped
  /// It would have been started: this is a dry run.
  case rehearsed

  package var name: String {
    switch self {
    case .ended(let end):
      switch end.outcome {
      case .exited: "exited"
      case .timedOut: "timed_out"
      case .notStarted: "not_started"
      }
    case .skipped: "skipped"
    case .rehearsed: "rehearsed"
    }
  }
}

extension Recorder {
  mutating func compose(_ hook: HookEvent) -> Bool {
    begin("hook")
    field(incident: hook.incident)
    json.key("domain")
    if hook.domain.count == 0 { json.value("system") } else { json.value(untrusted: hook.domain.bytes) }
    json.field("episode", UInt64(hook.episode))
    json.field("occasion", hook.occasion.name)
    json.field("program", untrusted: hook.program)
    json.key("victim_pid")
    if let victim = hook.victim { json.value(Int64(victim)) } else { json.null() }
    json.field("outcome", hook.outcome.name)
    guard case .ended(let end) = hook.outcome else { return finish() }
    switch end.outcome {
    case .exited(let status): json.field("status", Int64(status))
    case .timedOut: break
    case .notStarted(let stage, let reason):
      json.key("error")
      json.rawString { bytes in
        bytes.append(stage.text)
        bytes.append(": ")
        bytes.append(reason.text)
      }
    }
    json.field("output", untrusted: hook.output.bytes)
    json.field("output_bytes", count: end.written)
    json.field("took_ms", end.took.milliseconds)
    return finish()
  }
}

extension Array where Element == UInt8 {
  /// `hook after: /usr/bin/tell exited with status 3 after 12 ms, and wrote: no such host`.
  package mutating func append(_ hook: HookEvent) {
    append("hook ")
    append(hook.occasion.name)
    append(": ")
    append(visible: hook.program)
    switch hook.outcome {
    case .skipped: append(" was not started: its turn did not come in time")
    case .rehearsed: append(" would have been started")
    case .ended(let end):
      switch end.outcome {
      case .exited(let status):
        append(" exited with status ")
        append(decimal: Int64(status))
        append(" after ")
      case .timedOut: append(" took too long and was killed after ")
      case .notStarted(let stage, let reason):
        append(" was not started: ")
        append(stage.text)
        append(": ")
        append(reason.text)
        return
      }
      append(decimal: end.took.milliseconds)
      append(" ms")
      // One line is for people; the record has more of it.
      let output = hook.output.bytes
      var length = 0
      while length < Swift.min(output.count, 200), output[length] != .newline { length += 1 }
      if length > 0 {
        append(", and wrote: ")
        append(visible: output.extracting(0..<length))
      }
    }
  }
}
