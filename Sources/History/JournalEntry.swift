import ProcModel

/// An entry of the journal, as `journalctl -o json` prints it (systemd.journal-fields(7)). Fields whose names begin
/// with an underscore are the journal's own, and no program can choose them.
enum JournalEntry {
  /// The fields that are read. `__REALTIME_TIMESTAMP` and `_BOOT_ID` are always there.
  static let fields =
    [
      "MESSAGE", "_TRANSPORT", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "_SOURCE_MONOTONIC_TIMESTAMP", "_SYSTEMD_UNIT",
      "_PID", "_UID", "UNIT", "USER_UNIT",
    ] + JournalKill.fields.map { "SPILLWAY_" + $0 }

  /// Nil where the line is no such entry, or has no message.
  static func line(_ json: Span<UInt8>) -> LogLine? {
    var cursor = JSONCursor(json)
    guard cursor.beginObject() else { return nil }
    var time = PastTime()
    var message: [UInt8]?
    var (transport, identifier, unit, about): ([UInt8]?, [UInt8]?, [UInt8]?, [UInt8]?)
    var (facility, pid, user, source): (UInt64?, UInt64?, UInt64?, UInt64?)
    var own = JournalKill()
    while let name = cursor.nextName() {
      if cursor.matches(name, "MESSAGE") {
        message = cursor.text()
      } else if cursor.matches(name, "__REALTIME_TIMESTAMP") {
        time.wall = cursor.number().map { WallTime(milliseconds: Int64(clamping: $0 / 1000)) }
      } else if cursor.matches(name, "_BOOT_ID") {
        time.boot = cursor.text()
      } else if cursor.matches(name, "_TRANSPORT") {
        transport = cursor.text()
      } else if cursor.matches(name, "SYSLOG_FACILITY") {
        facility = cursor.number()
      } else if cursor.matches(name, "SYSLOG_IDENTIFIER") {
        identifier = cursor.text()
      } else if cursor.matches(name, "_SOURCE_MONOTONIC_TIMESTAMP") {
        source = cursor.number()
      } else if cursor.matches(name, "_SYSTEMD_UNIT") {
        unit = cursor.text()
      } else if cursor.matches(name, "_PID") {
        pid = cursor.number()
      } else if cursor.matches(name, "_UID") {
        user = cursor.number()
      } else if cursor.matches(name, "UNIT") || cursor.matches(name, "USER_UNIT") {
        about = cursor.text() ?? about
      } else if !own.take(name, &cursor) {
        cursor.skip()
      }
    }
    guard !cursor.isBroken, let message else { return nil }
    // What a program writes to /dev/kmsg has this transport too, but another facility than the kernel's.
    let isOfKernelsLog = transport.map { $0.elementsEqual("kernel".utf8) } ?? false
    if isOfKernelsLog { time.sinceBoot = source }
    // oomd has no name before its line.
    let isOomds = TextCursor(message).stands("oomd kill: ", at: 0)
    let claimed = isOomds ? .oomd : identifier.map { Writer(tag: $0[...]) } ?? .other
    let (writer, isProven): (Writer, Bool) =
      if isOfKernelsLog {
        // Only root writes to it. A name that is missing is the kernel's.
        (facility == 0 ? .kernel : claimed == .kernel ? .other : claimed, true)
      } else if pid == 1 {
        (.systemd, true)
      } else {
        byUnit(unit).map { ($0, true) } ?? (claimed == .kernel ? .other : claimed, false)
      }
    var line = LogLine(time: time, writer: writer, isProven: isProven, unit: about, message: message)
    if own.isTold {
      // The agent may run as another unit, or as none; it is root's in any case.
      line.isProven = user == 0 && !isOfKernelsLog
      line.told = own
    }
    return line
  }

  /// The killer whose service the unit is.
  private static func byUnit(_ unit: [UInt8]?) -> Writer? {
    switch unit.map({ String(decoding: $0, as: UTF8.self) }) {
    case "systemd-oomd.service": .systemdOomd
    case "oomd.service": .oomd
    case "earlyoom.service": .earlyoom
    case "nohang.service", "nohang-desktop.service": .nohang
    case "spillway.service": .spillway
    default: nil
    }
  }
}
