package import Ladder
import LinuxSystem
package import Policy
package import Pressure
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
  /// A hook has ended, or was not started.
  ///
  /// - Parameters:
  ///   - domain: The name of the one that was in trouble; empty for the system.
  ///   - victim: Its number; nil at an occasion that has none.
  ///   - program: Its path.
  ///   - output: What it wrote first.
  package mutating func hook(
    _ occasion: HookOccasion, _ outcome: HookOutcome, domain: Span<UInt8>, episode: UInt32, victim: Int32?,
    program: Span<UInt8>, output: Span<UInt8>
  ) {
    begin("hook")
    json.key("domain")
    if domain.isEmpty { json.value("system") } else { json.value(untrusted: domain) }
    json.key("episode")
    json.value(UInt64(episode))
    json.key("occasion")
    json.value(occasion.name)
    json.key("program")
    json.value(untrusted: program)
    json.key("victim_pid")
    if let victim { json.value(Int64(victim)) } else { json.null() }
    json.key("outcome")
    json.value(outcome.name)
    if case .ended(let end) = outcome {
      switch end.outcome {
      case .exited(let status):
        json.key("status")
        json.value(Int64(status))
      case .timedOut: break
      case .notStarted(let stage, let reason):
        json.key("error")
        json.rawString { bytes in
          bytes.append(stage.text)
          bytes.append(": ")
          bytes.append(reason.text)
        }
      }
      json.key("output")
      json.value(untrusted: output)
      json.key("output_bytes")
      json.value(UInt64(end.written))
      json.key("took_ms")
      json.value(end.took.milliseconds)
    }
    finish()
  }

  /// Composes what `hooks.warn` is told, and writes nothing: a line is written when its event is over and done with, and
  /// this one is at its beginning.
  package mutating func composeWarning(_ verdict: Verdict, domain: Slice?, judge: Judge) {
    begin("warning")
    self.domain(domain, of: judge.policy)
    json.key("episode")
    json.value(UInt64(verdict.episode))
    json.key("level")
    json.value(verdict.level.name)
    json.key("trigger")
    json.value(verdict.trigger.name)
    json.key("reason")
    json.rawString { bytes in bytes.append(reason: verdict) }
    reading(verdict)
    json.endObject()
    json.newline()
  }
}

extension Array where Element == UInt8 {
  /// `/usr/bin/tell ended with status 3 after 12 ms, and wrote: no such host`.
  package mutating func append(hook program: Span<UInt8>, _ outcome: HookOutcome, output: Span<UInt8>) {
    append(visible: program)
    switch outcome {
    case .skipped: append(" was not started: its turn did not come in time")
    case .rehearsed: append(" would have been started")
    case .ended(let end):
      switch end.outcome {
      case .exited(let status):
        append(" ended with status ")
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
      var length = 0
      while length < Swift.min(output.count, 200), output[length] != .newline { length += 1 }
      if length > 0 {
        append(", and wrote: ")
        append(visible: output.extracting(0..<length))
      }
    }
  }
}
