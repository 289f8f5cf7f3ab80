internal import CLinux

/// The service manager that started this process and asked to be told its state (sd_notify(3)).
///
/// The socket is opened once, while this process may still reach it. Nothing here waits.
package struct ServiceManager: ~Copyable {
  private let socket: OwnedDescriptor
  /// The interval in nanoseconds within which the manager expects a sign of life, again and again
  /// (sd_watchdog_enabled(3)). Nil where it expects none of this process.
  package let watchdog: UInt64?
  private let signOfLife: [UInt8]

  /// - Parameter socket: A datagram socket that leads to the manager.
  package init(socket: consuming OwnedDescriptor, watchdog: UInt64?) {
    self.socket = socket
    self.watchdog = watchdog
    signOfLife = Array("WATCHDOG=1".utf8)
  }

  /// Makes the manager that `NOTIFY_SOCKET` names; nil where no manager asked.
  ///
  /// - Throws: Why the manager cannot be told. It waits for a message until it gives up.
  package static func asking() throws(Errno) -> ServiceManager? {
    guard let name = OwnProcess.environment("NOTIFY_SOCKET"), !name.isEmpty else { return nil }
    let socket = OwnedDescriptor(owning: Int32(try retrying { Int(clinux_notify_open()) }))
    return ServiceManager(
      socket: socket,
      watchdog: watchdog(
        microseconds: OwnProcess.environment("WATCHDOG_USEC"), process: OwnProcess.environment("WATCHDOG_PID"),
        own: OwnProcess.pid))
  }

  /// - Parameters:
  ///   - microseconds: `WATCHDOG_USEC`, in decimal digits.
  ///   - process: `WATCHDOG_PID`. Nil asks any process that has the variables.
  ///   - own: The number of this process.
  /// - Returns: The interval in nanoseconds. Nil where there is no watchdog, where it asks another process, or where
  ///   either variable is no number.
  package static func watchdog(microseconds: [UInt8]?, process: [UInt8]?, own: Int32) -> UInt64? {
    guard let microseconds, let interval = number(microseconds), interval > 0 else { return nil }
    if let process {
      guard let asked = number(process), asked == UInt64(max(own, 0)) else { return nil }
    }
    let (nanoseconds, isTooLong) = interval.multipliedReportingOverflow(by: 1000)
    return isTooLong ? .max : nanoseconds
  }

  /// Returns the number that decimal digits give; nil for anything else. A number that does not fit gives the largest.
  private static func number(_ digits: [UInt8]) -> UInt64? {
    guard !digits.isEmpty else { return nil }
    var number: UInt64 = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      let (tens, isOver) = number.multipliedReportingOverflow(by: 10)
      let (sum, isOverToo) = tens.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
      number = isOver || isOverToo ? .max : sum
    }
    return number
  }

  /// Sends one message of `NAME=value` lines.
  ///
  /// - Throws: `EAGAIN` where the manager has not read earlier messages; otherwise why it cannot be reached.
  package func tell(_ message: Span<UInt8>) throws(Errno) {
    do throws(Errno) {
      try send(message)
    } catch {
      // A manager that was started anew has another socket behind the same name.
      guard error != .wouldBlock else { throw error }
      let raw = socket.raw
      _ = try retrying { Int(clinux_notify_connect(raw)) }
      try send(message)
    }
  }

  /// Tells the manager that this process is working. Allocates nothing.
  ///
  /// - Returns: Whether the manager has the message.
  package func tellAlive() -> Bool {
    do throws(Errno) {
      try tell(signOfLife.span)
      return true
    } catch {
      return false
    }
  }

  private func send(_ message: Span<UInt8>) throws(Errno) {
    let raw = socket.raw
    _ = try retrying {
      // The span is borrowed for the call.
      unsafe message.withUnsafeBytes { bytes in unsafe Int(clinux_datagram_send(raw, bytes.baseAddress, bytes.count)) }
    }
  }
}
