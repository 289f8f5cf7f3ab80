import Foundation
import LinuxSystem
import ProcModel
import Record
import Testing

@testable import Agent

/// A service manager's end of the socket.
private final class Manager {
  private let socket: OwnedDescriptor

  private let other: Int32

  init() throws {
    var ends: [Int32] = [-1, -1]
    let result = unsafe socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &ends)
    try #require(result == 0)
    socket = OwnedDescriptor(owning: ends[0])
    other = ends[1]
  }

  /// The agent's end, once.
  ///
  /// - Parameter watchdog: In nanoseconds.
  func teller(watchdog: UInt64?) -> ServiceManager {
    ServiceManager(socket: OwnedDescriptor(owning: other), watchdog: watchdog)
  }

  /// All messages that are there.
  func take() -> [String] {
    var messages: [String] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe recv(socket.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { return messages }
      messages.append(String(decoding: buffer[..<count], as: UTF8.self))
    }
  }
}

@Suite struct SupervisionTests {
  private static let sign = "WATCHDOG=1"

  @Test func signsOfLifeAreAQuarterOfTheWatchdogTimeApart() throws {
    let manager = try Manager()
    let teller = manager.teller(watchdog: 8_000_000_000)
    var supervision = Supervision(teller)
    var given: [UInt64] = []
    for now in stride(from: UInt64(1000), through: 10_000, by: 500) {
      supervision.feed(at: .milliseconds(now))
      if !manager.take().isEmpty { given.append(now) }
    }
    #expect(given == [1000, 3000, 5000, 7000, 9000])
    let due = supervision.feedDue
    #expect(due == .milliseconds(11_000))
  }

  @Test func withoutAWatchdogNoSignOfLifeIsGiven() throws {
    let manager = try Manager()
    let teller = manager.teller(watchdog: nil)
    var supervision = Supervision(teller)
    supervision.feed(at: .milliseconds(1000))
    let due = supervision.feedDue
    #expect(manager.take().isEmpty && due == nil)
    var alone = Supervision()
    alone.feed(at: .milliseconds(1000))
    let ofNone = alone.feedDue
    #expect(ofNone == nil)
  }

  @Test func aManagerThatIsBehindIsToldAgainAfterASixteenthOfTheTime() throws {
    let manager = try Manager()
    let teller = manager.teller(watchdog: 8_000_000_000)
    var full = 0
    while teller.tellAlive(), full < 1_000_000 { full += 1 }
    var supervision = Supervision(teller)
    supervision.feed(at: .milliseconds(1000))
    var due = supervision.feedDue
    #expect(due == .milliseconds(1500))
    #expect(manager.take().count == full)
    supervision.feed(at: .milliseconds(1499))
    #expect(manager.take().isEmpty)
    supervision.feed(at: .milliseconds(1500))
    #expect(manager.take() == [Self.sign])
    due = supervision.feedDue
    #expect(due == .milliseconds(3500))
  }

  @Test(arguments: [1, 1000, 39_999_999] as [UInt64])
  func signsOfLifeAreAtLeastTenMillisecondsApart(watchdog: UInt64) throws {
    let manager = try Manager()
    let teller = manager.teller(watchdog: watchdog)
    defer { _ = manager.take() }
    var supervision = Supervision(teller)
    supervision.feed(at: .milliseconds(1000))
    let due = supervision.feedDue
    #expect(due == .milliseconds(1010))
  }

  /// Only the loop gives signs of life. While it hangs, here in reading memory, there is none.
  @Test func aLoopThatHangsGivesNoSign() throws {
    let manager = try Manager()
    let teller = manager.teller(watchdog: 4_000_000)
    var signs: [Int] = []
    var hangs = false
    let log = Log()
    let stage = try AgentHarness(
      available: [900], log: log, supervision: Supervision(teller),
      machine: { source in
        source.time = nil
        source.beforeMachine = {
          guard hangs else { return }
          signs.append(manager.take().count)
          let end = Clock.sinceBoot() + 200_000_000
          while Clock.sinceBoot() < end {}
          signs.append(manager.take().count)
        }
      })
    stage.look()
    #expect(manager.take().contains(Self.sign))
    hangs = true
    stage.agent.domains[0].dueAt = .zero
    _ = stage.agent.tick()
    hangs = false
    #expect(signs.count >= 2 && signs.enumerated().allSatisfy { $0.offset % 2 == 0 || $0.element == 0 }, "\(signs)")
    _ = manager.take()
    stage.look()
    #expect(manager.take() == [Self.sign])
  }

  /// In calm time and for a decision, with 300 processes that take a millisecond each.
  @Test(arguments: [900, 20] as [UInt64]) func signsOfLifeAreGivenDuringALongSurvey(available: UInt64) throws {
    let manager = try Manager()
    let teller = manager.teller(watchdog: 40_000_000)
    let log = Log()
    let stage = try AgentHarness(
      available: [available], log: log, isDryRun: true, supervision: Supervision(teller),
      machine: { source in
        source.time = nil
        for pid in 1000..<1300 { source.files.add(Int32(pid), "worker", mib: 20) }
        var reads = 0
        source.beforeProcess = {
          reads += 1
          guard reads % 4 == 0 else { return }
          let end = Clock.sinceBoot() + 1_000_000
          while Clock.sinceBoot() < end {}
        }
      })
    stage.look()
    #expect(manager.take().count > 3)
  }

  /// With so much memory available the agent would otherwise look away for seconds.
  @Test func theLoopWaitsNoLongerThanUntilTheNextSignOfLife() throws {
    func pause(_ supervision: consuming Supervision) throws -> Nanoseconds {
      let log = Log()
      let stage = try AgentHarness(
        available: [90_000], log: log, supervision: supervision,
        machine: { $0.total = 100_000 })
      stage.look()
      return stage.agent.tick()
    }
    let manager = try Manager()
    #expect(try pause(Supervision(manager.teller(watchdog: 2_000_000_000))) <= .milliseconds(500))
    #expect(try pause(Supervision()) > .milliseconds(1000))
    _ = manager.take()
  }

  @Test(
    arguments: [
      (false, nil, false, "armed; policy /p.toml, 18 rules"),
      (true, nil, false, "dry run; policy /p.toml, 18 rules"),
      (
        false, .lastGood(keptAt: 1_795_183_320), false,
        "armed, on the LAST GOOD policy of 2026-11-20 14:02 UTC, because a\\x0ab; policy /p.toml, 18 rules"
      ),
      (true, .builtIn, false, "dry run, on the BUILT-IN policy, because a\\x0ab; policy /p.toml, 18 rules"),
      (
        true, .builtIn, true,
        "DRY RUN ALTHOUGH ARMED WAS ASKED FOR, on the BUILT-IN policy, because a\\x0ab; policy /p.toml, 18 rules"
      ),
      (true, nil, true, "DRY RUN ALTHOUGH ARMED WAS ASKED FOR: restart to arm; policy /p.toml, 18 rules"),
    ] as [(Bool, PolicyFallback.Kind?, Bool, String)])
  func theStatusTellsModeAndPolicy(
    isDryRun: Bool, kind: PolicyFallback.Kind?, isDisarmed: Bool, expected: String
  ) throws {
    var text: [UInt8] = []
    let fallback = kind.map { PolicyFallback($0, because: Array("a\nb".utf8)) }
    text.append(
      AgentMode(isDryRun: isDryRun, policy: CPath("/p.toml"), rules: 18), fallback: fallback, isDisarmed: isDisarmed)
    #expect(String(decoding: text, as: UTF8.self) == expected)
  }

  @Test func anAgentOnTheBuiltInPolicyInPlaceOfAnotherIsDisarmed() {
    let fallback = PolicyFallback(.builtIn, because: [])
    #expect(isDisarmed(fallback: fallback, isArmed: true))
    #expect(!isDisarmed(fallback: fallback, isArmed: false))
    #expect(!isDisarmed(fallback: PolicyFallback(.lastGood(keptAt: 1), because: []), isArmed: true))
    #expect(!isDisarmed(isArmed: true))
  }

  private func isDisarmed(fallback: PolicyFallback? = nil, isArmed: Bool) -> Bool {
    Supervision(nil, fallback: fallback, isArmed: isArmed).isDisarmed
  }

  @Test func aFallbackIsToldOnceAnHour() {
    var supervision = Supervision(nil, fallback: PolicyFallback(.builtIn, because: []), isArmed: true)
    let hour: UInt64 = 3_600_000
    let said = stride(from: UInt64(1000), through: 3 * hour, by: 60_000).filter {
      supervision.isTimeToRepeat(.milliseconds($0))
    }
    #expect(said == [hour + 1000, 2 * hour + 1000])
    supervision.clearFallback()
    let saysThatItIsNotArmed = supervision.isTimeToRepeat(.milliseconds(5 * hour))
    #expect(saysThatItIsNotArmed)
    var asAsked = Supervision()
    let saysAny = asAsked.isTimeToRepeat(.milliseconds(5 * hour))
    #expect(!saysAny)
  }

  @Test func aRecordThatCannotBeOpenedIsTriedAgainOnceAMinute() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "spillway-\(UUID().uuidString)").path()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var opening = try RecordOpening(CPath(folder + "/record"), creating: true)
    opening.wait(milliseconds: 10_000)
    func isThere(at now: UInt64) throws -> Bool {
      switch try opening.next(at: .milliseconds(now)) {
      case .some: true
      case .none: false
      }
    }
    #expect(throws: Errno.noSuchFile) { try isThere(at: 1000) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    #expect(try !isThere(at: 60_999))
    #expect(!FileManager.default.fileExists(atPath: folder + "/record"))
    // The file is opened by a thread, and a later look takes it.
    var isFound = try isThere(at: 61_000)
    for _ in 0..<10_000 where !isFound {
      usleep(1000)
      isFound = try isThere(at: 61_001)
    }
    #expect(isFound)
  }
}
