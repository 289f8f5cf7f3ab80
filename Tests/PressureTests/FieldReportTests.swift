import Pressure
import ProcModel
import Testing

/// Complaints of users of other killers, each as a scenario of a machine. The numbers are theirs where they gave any.
@Suite struct FieldReportTests {
  struct FieldReport: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var scenario: Scenario
  }

  private static func fieldReport(_ name: String, _ tell: (inout Scenario) -> Void) -> FieldReport {
    var scenario = Scenario()
    tell(&scenario)
    return FieldReport(testDescription: name, scenario: scenario)
  }

  /// "Killed with plenty free."
  static let falseAlarms = [
    fieldReport("earlyoom #351: no swap at all, and memory enough") {
      $0.available = { _ in 0.4 }
    },
    fieldReport("nohang #33, #31, #25: stalls with 90 % of memory free") {
      $0.available = { _ in 0.9 }
      $0.stalled = { _ in (0.8, 0.95) }
    },
    fieldReport("Endless #402: a busy disk, all tasks waiting, half of memory free") {
      $0.available = { _ in 0.5 }
      $0.stalled = { _ in (0.4, 0.9) }
      $0.reclaim = { _ in (20_000, 5000) }
      $0.fileCache = { _ in 0.45 }
    },
    fieldReport("syncloud #769: some tasks stall now and then, with a quarter free") {
      $0.available = { _ in 0.25 }
      $0.stalled = { second in second.truncatingRemainder(dividingBy: 2) < 0.2 ? (0.1, 1) : (0, 0) }
    },
    fieldReport("nohang #105: a swap of a few MiB is full, memory is not") {
      $0.swapTotal = 4096
      $0.swapFree = { _ in 0 }
      $0.available = { _ in 0.35 }
    },
    fieldReport("bustd #11: little is free, and nearly all of the rest is page cache") {
      $0.available = { _ in 0.85 }
      $0.fileCache = { _ in 0.83 }
      $0.stalled = { _ in (0, 0.3) }
    },
    fieldReport("a stream through the page cache refaults, in a large cache") {
      $0.available = { _ in 0.7 }
      $0.fileCache = { _ in 0.65 }
      $0.reclaim = { _ in (50_000, 20_000) }
      $0.stalled = { _ in (0.05, 0.4) }
    },
    fieldReport("systemd-oomd on Ubuntu 22.04: 1 GiB of swap nearly full, memory well") {
      $0.swapTotal = 1024 * 1024
      $0.swapFree = { _ in 0.05 }
      $0.available = { _ in 0.3 }
    },
    // Recorded in the arena's `calm-swap`, where no process was killed.
    fieldReport("the kernel looks for other memory before it swaps, and all wait for two seconds") {
      $0.swapTotal = 512 * 1024
      $0.available = { second in max(0.13 - second * 0.012, 0.06) }
      $0.stalled = { second in second < 2 ? (0, 0) : second < 4 ? (0.5, 0.6) : second < 8 ? (0.22, 0.3) : (0.02, 0.1) }
    },
    fieldReport("a program that starts fast and stops well above the floor") {
      $0.available = { second in second < 1 ? 0.9 : second < 1.3 ? 0.9 - (second - 1) * 2 : 0.3 }
      $0.interval = .milliseconds(10)
      $0.seconds = 3
    },
  ]

  @Test(arguments: falseAlarms) func noProcessIsKilledWhereMemoryIsAvailable(report: FieldReport) {
    let told = report.scenario.run(against: .server)
    #expect(told.actedAt == nil, "\(told.trigger)")
    #expect(told.episodes == 0)
  }

  /// "Froze and never killed."
  static let freezes: [(report: FieldReport, by: Double, trigger: String)] = [
    (
      fieldReport("earlyoom #320: stands still at 14.8 % available, without swap") {
        $0.available = { _ in 0.148 }
        $0.stalled = { second in second > 1 ? (0.7, 0.95) : (0, 0) }
      }, 2, "stall"
    ),
    (
      fieldReport("a leak into swap that has ten seconds left") {
        $0.swapTotal = 384 * 1024
        $0.available = { second in max(0.15 - second * 0.04, 0.02) }
        $0.swapFree = { second in second < 3 ? 1 : 1 - (second - 3) * 0.05 }
        $0.stalled = { second in second > 3 ? (0.5, 0.6) : (0, 0) }
      }, 4, "stall"
    ),
    (
      fieldReport("earlyoom #361: memory is gone, and the swap is slow and hardly used") {
        $0.swapTotal = 1024 * 1024
        $0.swapFree = { _ in 0.7 }
        $0.available = { _ in 0.04 }
        $0.stalled = { second in second > 1 ? (0.6, 0.9) : (0, 0) }
      }, 6.1, "stall"
    ),
    (
      fieldReport("earlyoom #269: no swap, program text is evicted and read back, MemAvailable looks fine") {
        $0.available = { _ in 0.18 }
        $0.fileCache = { _ in 0.15 }
        $0.reclaim = { second in second > 1 ? (10_000, 8000) : (0, 0) }
        $0.stalled = nil
      }, 4, "thrash"
    ),
    (
      fieldReport("oomd #80, earlyoom #122: swapless, available falls slowly to nothing") {
        $0.available = { second in max(0.3 - second * 0.05, 0.01) }
      }, 5, "floor"
    ),
    (
      fieldReport("systemd-oomd acts after 40 s at its defaults: total standstill") {
        $0.available = { _ in 0.1 }
        $0.swapTotal = 1024 * 1024
        $0.swapFree = { _ in 0.5 }
        $0.stalled = { second in second > 1 ? (1, 1) : (0, 0) }
      }, 6, "stall"
    ),
    (
      fieldReport("a burst at memory speed outruns a fixed floor") {
        $0.available = { second in max(0.5 - max(second - 1, 0) * 2, 0) }
        $0.interval = .milliseconds(10)
        $0.seconds = 2
      }, 1.19, "forecast"
    ),
  ]

  @Test(arguments: freezes.indices) func aProcessIsKilledInTimeWhereMemoryIsGone(index: Int) {
    let (report, by, trigger) = Self.freezes[index]
    let told = report.scenario.run(against: .server)
    #expect(told.trigger.name == trigger, "\(report.testDescription)")
    #expect(told.actedAt.map { $0 <= by } == true, "\(report.testDescription): at \(told.actedAt ?? -1) s")
    #expect(told.episodes == 1)
  }

  @Test func aTriggerWithoutItsSourceIsOff() {
    var scenario = Scenario()
    scenario.available = { _ in 0.1 }
    scenario.stalled = nil
    scenario.reclaim = nil
    scenario.swapTotal = 1024
    #expect(scenario.run(against: .server).actedAt == nil)
  }
}
