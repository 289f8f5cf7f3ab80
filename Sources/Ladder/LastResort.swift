package import LinuxSystem
package import Policy
package import ProcModel

/// What is left when killing processes does not help.
package enum LastResortWay: UInt8, CaseIterable, Sendable {
  /// Restarts by reboot(2), after writing out what was written.
  case reboot
  /// Has the kernel panic (`c` of sysrq), which writes a crash dump where one is set up, and restarts as `kernel.panic`
  /// says.
  case panic
  /// Restarts by the kernel alone (`b` of sysrq): for when reboot(2) is refused.
  case resetNow

  package var name: String {
    switch self {
    case .reboot: "reboot"
    case .panic: "panic"
    case .resetNow: "reset"
    }
  }

  package init(_ action: LastResort.Action) {
    switch action {
    case .reboot: self = .reboot
    case .panic: self = .panic
    }
  }
}

/// By which the machine is restarted: a protocol, so that no test can restart one.
package protocol RestartCalls {
  /// Has sync(2) run elsewhere; does not wait.
  func beginSync() throws(Errno)
  /// Whether it is over, or was never begun.
  var isSynced: Bool { get }
  func reboot() throws(Errno)
  /// Writes one letter to `/proc/sysrq-trigger`.
  func sysrq(_ letter: UInt8) throws(Errno)
}

/// The machine that runs this.
package final class LiveRestartCalls: RestartCalls {
  private let helper: HelperThread
  /// Opened at start: the right to open it may be gone later.
  private let trigger: OwnedDescriptor?
  /// Why ``trigger`` could not be opened.
  package let refusal: Errno?

  /// - Parameter proc: The live proc file system's root.
  /// - Throws: Why there is no helper.
  package init(proc: borrowing OwnedDescriptor) throws(Errno) {
    let helper = try HelperThread()
    do throws(Errno) {
      trigger = try proc.open(CPath("sysrq-trigger"), .write)
      refusal = nil
    } catch {
      trigger = nil
      refusal = error
    }
    self.helper = helper
  }

  package func beginSync() throws(Errno) { try helper.sync() }
  package var isSynced: Bool { !helper.isBusy }
  package func reboot() throws(Errno) { try Restart.reboot() }

  package func sysrq(_ letter: UInt8) throws(Errno) {
    switch trigger {
    case .some(let trigger):
      let letters: InlineArray<1, UInt8> = [letter]
      try trigger.write(letters.span)
    case .none: throw refusal ?? .noSuchFile
    }
  }
}

/// The way to the last resort, one step at a look: sync, for as long as it may take, then the act, then the other ways.
package struct LastResortCourse: Sendable {
  /// A disk that does not answer must not keep the machine from restarting.
  package static let syncLimit = Nanoseconds.milliseconds(10_000)

  package let resort: LastResortWay
  private var startedAt: Nanoseconds?
  private var tried = 0

  package init(_ resort: LastResortWay) {
    self.resort = resort
  }

  /// What came of a step.
  package enum Step: Equatable, Sendable {
    /// What was written is being put on the disks.
    case syncing
    /// The machine was told to restart or panic. It should be gone by the next step.
    case told(LastResortWay)
    /// That way is closed, for this reason; the next step tries another.
    case refused(LastResortWay, Errno)
    /// No way is left.
    case exhausted
  }

  /// Goes on. Where `reboot` or `panic` is refused, the kernel's own reset is next.
  package mutating func advance<Calls: RestartCalls>(_ calls: Calls, now: Nanoseconds) -> Step {
    guard let startedAt else {
      startedAt = now
      do throws(Errno) {
        try calls.beginSync()
        return .syncing
      } catch {
        // The disks have what they have.
        return act(calls)
      }
    }
    if tried == 0, !calls.isSynced, now - startedAt < LastResortCourse.syncLimit { return .syncing }
    return act(calls)
  }

  private mutating func act<Calls: RestartCalls>(_ calls: Calls) -> Step {
    let way: LastResortWay
    switch (tried, resort) {
    case (0, _): way = resort
    case (1, .reboot), (1, .panic): way = .resetNow
    default: return .exhausted
    }
    tried += 1
    do throws(Errno) {
      switch way {
      case .reboot: try calls.reboot()
      case .panic: try calls.sysrq(UInt8(ascii: "c"))
      case .resetNow: try calls.sysrq(UInt8(ascii: "b"))
      }
      return .told(way)
    } catch {
      return .refused(way, error)
    }
  }
}
