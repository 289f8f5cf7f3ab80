import Ladder
package import LinuxSystem
package import ProcModel

/// What came of the last resort.
package enum LastResortOutcome: Equatable, Sendable {
  /// It is reached: what was written goes to the disks first.
  case begun
  /// The kernel took it, and should have done it by now.
  case told
  case refused(Errno)
  /// No way is left.
  case exhausted
  /// Memory came back before the kernel was told, or the policy was changed for one without it.
  case calledOff
  /// It would have been begun: this is a dry run.
  case rehearsed

  package var name: String {
    switch self {
    case .begun: "begun"
    case .told: "told"
    case .refused: "refused"
    case .exhausted: "exhausted"
    case .calledOff: "called_off"
    case .rehearsed: "rehearsed"
    }
  }
}

extension Recorder {
  mutating func compose(_ step: LastResortEvent) -> Bool {
    begin("last_resort")
    json.field("domain", "system")
    json.field("episode", UInt64(step.totals.episode))
    json.field("action", step.way.name)
    json.field("victims", UInt64(step.totals.victims))
    json.field("lasted_ms", step.totals.lasted.milliseconds)
    json.field("outcome", step.outcome.name)
    if case .refused(let reason) = step.outcome { json.field("error", reason.text) }
    return finish()
  }
}

extension Array where Element == UInt8 {
  /// `LAST RESORT, reboot: memory is not back after 10 victims and 31000 ms; the disks are written first`.
  package mutating func append(_ step: LastResortEvent) {
    append("LAST RESORT, ")
    append(step.way.name)
    append(": ")
    switch step.outcome {
    case .begun, .rehearsed:
      append("memory is not back after ")
      append(decimal: UInt64(step.totals.victims))
      append(step.totals.victims == 1 ? " victim and " : " victims and ")
      append(decimal: step.totals.lasted.milliseconds)
      append(step.outcome == .begun ? " ms; the disks are written first" : " ms; it would be begun now")
    case .told: append("the kernel was told")
    case .refused(let reason):
      append("refused: ")
      append(reason.text)
    case .exhausted: append("no way is left; the agent goes on as before")
    case .calledOff: append("called off")
    }
  }

  /// `vm.panic_on_oom is 1: the kernel panics where it would kill, and kernel.panic 0 leaves it there until somebody
  /// comes`.
  package mutating func append(_ panic: PanicSettings) {
    append("vm.panic_on_oom is ")
    append(decimal: Int64(panic.panicOnOom))
    append(
      panic.panicOnOom == 0
        ? ": out of memory the kernel kills" : ": out of memory the kernel panics where it would kill")
    append(", and after a panic kernel.panic ")
    append(decimal: Int64(panic.panicTimeout))
    switch panic.panicTimeout {
    case 0: append(" leaves it there until somebody comes")
    case 1...: append(" restarts it after so many seconds")
    default: append(" restarts it at once")
    }
  }
}
