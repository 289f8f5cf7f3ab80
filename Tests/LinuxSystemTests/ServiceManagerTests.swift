import Foundation
import LinuxSystem
import Testing

@Suite struct ServiceManagerTests {
  /// By the rules of sd_watchdog_enabled(3).
  @Test(
    arguments: [
      ("60000000", "77", 60_000_000_000), ("60000000", nil, 60_000_000_000), ("1", "77", 1000),
      ("18446744073709551615", "77", UInt64.max), ("99999999999999999999999", nil, UInt64.max),
      ("60000000", "78", nil), ("60000000", "", nil), ("60000000", "77x", nil), ("60000000", "-77", nil),
      ("60000000", "4294967373", nil), ("60000000", "18446744073709551693", nil),
      (nil, "77", nil), ("", "77", nil), ("0", "77", nil), ("60s", "77", nil), ("-1", nil, nil), (" 5", nil, nil),
    ] as [(String?, String?, UInt64?)])
  func aWatchdogIsOnlyThereWhereItAsksThisProcess(microseconds: String?, process: String?, expected: UInt64?) {
    #expect(
      ServiceManager.watchdog(
        microseconds: microseconds.map { Array($0.utf8) }, process: process.map { Array($0.utf8) }, own: 77) == expected
    )
  }

  @Test func aManagerThatDoesNotReadIsNotWaitedFor() throws {
    let end = try ManagerEnd()
    let manager = ServiceManager(socket: OwnedDescriptor(owning: end.other), watchdog: nil)
    var sent = 0
    while manager.tellAlive(), sent < 1_000_000 { sent += 1 }
    #expect(sent > 0 && sent < 1_000_000)
    #expect(throws: Errno.wouldBlock) { try manager.tell(Array("STATUS=x".utf8).span) }
    #expect(end.take().count == sent)
    let isTold = manager.tellAlive()
    #expect(isTold && end.take() == ["WATCHDOG=1"])
  }

  @Test func aManagerThatIsGoneIsAnErrorAndNoSignal() throws {
    var end: ManagerEnd? = try ManagerEnd()
    let manager = ServiceManager(socket: OwnedDescriptor(owning: try #require(end).other), watchdog: nil)
    end = nil
    let isTold = manager.tellAlive()
    #expect(!isTold)
  }

  @Test func aVariableThatIsNotSetIsNil() throws {
    #expect(OwnProcess.environment("SPILLWAY_NO_SUCH_VARIABLE") == nil)
    #expect(OwnProcess.environment("PATH")?.isEmpty == false)
  }
}

/// A manager's end of a datagram connection.
private final class ManagerEnd {
  private let socket: OwnedDescriptor
  /// The other end. The one who takes it closes it.
  let other: Int32

  init() throws {
    var ends: [Int32] = [-1, -1]
    let result = unsafe socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &ends)
    try #require(result == 0)
    socket = OwnedDescriptor(owning: ends[0])
    other = ends[1]
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
