import ProcModel

/// Which program wrote a line, as far as its source tells.
enum Writer: Equatable, Sendable {
  case kernel
  case spillway
  case systemd
  case systemdOomd
  case oomd
  case earlyoom
  case nohang
  /// A program that kills nothing, and whose words count for nothing.
  case other
  /// The source does not say, as the output of dmesg(1).
  case untold

  /// By the name in front of a message (`systemd-oomd[612]:`).
  init(tag: ArraySlice<UInt8>) {
    switch String(decoding: tag, as: UTF8.self) {
    case "kernel": self = .kernel
    case "spillwayd", "spillway": self = .spillway
    case "systemd": self = .systemd
    case "systemd-oomd": self = .systemdOomd
    case "oomd": self = .oomd
    case "earlyoom": self = .earlyoom
    case "nohang", "nohang-desktop": self = .nohang
    default: self = .other
    }
  }
}

/// A line of a log without what stands before its message.
struct LogLine: Sendable {
  var time: PastTime
  var writer: Writer
  /// Whether the source vouches for the writer.
  var isProven: Bool
  /// The unit that a service manager's message is about.
  var unit: [UInt8]?
  var message: [UInt8]
  /// What Spillway says in fields of the journal.
  var told: JournalKill?
}

/// What the reader of a text log has to be told to understand its times.
package struct LogContext: Sendable {
  package var zone: LocalZone
  /// A moment after which the log has no line, such as that of its last change: syslog's times have no year.
  package var latest: WallTime
  /// The moment at which this boot began, on the clock of the kernel's log; nil where a log is not of this boot.
  package var bootedAt: WallTime?

  package init(zone: LocalZone, latest: WallTime, bootedAt: WallTime? = nil) {
    self.zone = zone
    self.latest = latest
    self.bootedAt = bootedAt
  }
}

/// Takes the prefix off a line of a text log: of syslog in each of its forms, of dmesg(1), or of `/dev/kmsg`.
struct LogLineParser {
  private let context: LogContext
  /// The time of the line before, for lines that continue one.
  private var last = PastTime()

  init(_ context: LogContext) {
    self.context = context
  }

  mutating func parse(_ line: [UInt8]) -> LogLine {
    if let record = KmsgRecord(line) { return self.line(of: record) }
    var cursor = TextCursor(line)
    var facility: UInt64?
    if cursor.take("<") {
      if let priority = cursor.number(), cursor.take(">") {
        facility = priority >> 3
      } else {
        cursor.move(to: 0)
      }
    }
    var time = PastTime()
    var writer = Writer.untold
    if let wall = rfc3339(&cursor) ?? syslogTime(&cursor) {
      time.wall = wall
      cursor.skipBlanks()
      _ = cursor.word()
      cursor.skipBlanks()
      writer = tag(&cursor) ?? .other
    } else if let found = hostAndKernel(&cursor) {
      writer = found
    }
    kernelStamps(&cursor, &time)
    if time == PastTime() { time = last } else { last = time }
    if let bootedAt = context.bootedAt, time.wall == nil, let stamp = time.sinceBoot {
      time.wall = bootedAt.advanced(milliseconds: Int64(clamping: stamp / 1000))
      time.isReckoned = true
    }
    if writer == .untold || writer == .kernel {
      // Programs that write to the kernel's log put their names before what they say.
      let start = cursor.position
      if let program = tag(&cursor), program != .other, program != .kernel {
        writer = program
      } else {
        cursor.move(to: start)
      }
      if let facility, facility != 0, writer == .untold { writer = .other }
    }
    return LogLine(time: time, writer: writer, isProven: false, message: Array(cursor.rest))
  }

  /// Of a record, which says itself whether the kernel wrote it. A program's has another facility than 0
  /// (Documentation/ABI/testing/dev-kmsg).
  private func line(of record: KmsgRecord) -> LogLine {
    var time = PastTime(sinceBoot: record.time)
    if let bootedAt = context.bootedAt {
      time.wall = bootedAt.advanced(milliseconds: Int64(clamping: record.time / 1000))
      time.isReckoned = true
    }
    guard record.facility != 0 else {
      return LogLine(time: time, writer: .kernel, isProven: true, message: record.message)
    }
    var cursor = TextCursor(record.message)
    let claimed = tag(&cursor) ?? .other
    // Only root writes to /dev/kmsg, and root is not the kernel.
    return LogLine(
      time: time, writer: claimed == .kernel ? .other : claimed, isProven: true, message: Array(cursor.rest))
  }

  // MARK: Times

  /// `2026-10-04T18:49:10.123456+00:00`, with `T` or a blank.
  private func rfc3339(_ cursor: inout TextCursor) -> WallTime? {
    let start = cursor.position
    if let time = TimeText.rfc3339(&cursor, zone: context.zone) { return time }
    cursor.move(to: start)
    return nil
  }

  /// `Mar 14 16:55:03`, of the last year in which that is not after the log's last change.
  private func syslogTime(_ cursor: inout TextCursor) -> WallTime? {
    let start = cursor.position
    guard let month = Months.number(of: cursor.word()[...]) else {
      cursor.move(to: start)
      return nil
    }
    cursor.skipBlanks()
    guard let day = cursor.number(), day <= 31, cursor.take(" "), let clock = TimeText.clock(&cursor) else {
      cursor.move(to: start)
      return nil
    }
    // A day in hand, since the zone in which it was written may be another.
    let latest = context.latest.advanced(milliseconds: 86_400_000)
    let newest = CivilTime(utc: latest).year
    for year in stride(from: newest, through: newest - 8, by: -1) {
      let civil = CivilTime(
        year: year, month: month, day: Int64(day), hour: clock.hour, minute: clock.minute, second: clock.second)
      if let time = context.zone.moment(civil), time <= latest { return time }
    }
    return nil
  }

  /// `[  818.356297] [T9185] `, or dmesg's `[Thu Aug 27 20:57:57 2026] `.
  private func kernelStamps(_ cursor: inout TextCursor, _ time: inout PastTime) {
    while cursor.next == UInt8(ascii: "["), let end = cursor.find("]"), end - cursor.position < 64 {
      let start = cursor.position
      cursor.advance()
      guard stamp(&cursor, end, &time) else {
        cursor.move(to: start)
        return
      }
      cursor.move(to: end + 1)
      if cursor.next == UInt8(ascii: " ") { cursor.advance() }
    }
  }

  private func stamp(_ cursor: inout TextCursor, _ end: Int, _ time: inout PastTime) -> Bool {
    // The caller, a thread or a processor (printk.caller).
    if let kind = cursor.next, kind == UInt8(ascii: "T") || kind == UInt8(ascii: "C") {
      var caller = cursor
      caller.advance()
      caller.skipBlanks()
      if caller.number() != nil, caller.position == end { return true }
    }
    cursor.skipBlanks()
    let start = cursor.position
    if let seconds = cursor.number(), cursor.take("."), let fraction = cursor.digits(6), cursor.position == end {
      let micros = Saturating.product(seconds, 1_000_000)
      time.sinceBoot = micros.addingReportingOverflow(UInt64(fraction)).partialValue
      return true
    }
    cursor.move(to: start)
    guard let civil = TimeText.dmesg(Array(cursor.bytes[start..<end])) else { return false }
    time.wall = context.zone.moment(civil)
    return true
  }

  // MARK: Who wrote it

  /// `HOST kernel: ` without a time before it.
  private func hostAndKernel(_ cursor: inout TextCursor) -> Writer? {
    let start = cursor.position
    if cursor.take("kernel: ") { return .kernel }
    let host = cursor.word()
    if !host.isEmpty, host.last != UInt8(ascii: ":"), host.first != UInt8(ascii: "["), cursor.take(" kernel: ") {
      return .kernel
    }
    cursor.move(to: start)
    return nil
  }

  /// `kernel: `, `earlyoom[812]: `, or BusyBox's `kern.info kernel: `; nil, and nothing consumed, where none is there.
  private func tag(_ cursor: inout TextCursor) -> Writer? {
    // oomd has no name before its line.
    if cursor.stands("oomd kill: ", at: cursor.position) { return .oomd }
    let start = cursor.position
    for _ in 0..<2 {
      let word = cursor.word()
      if word.last == UInt8(ascii: ":") {
        if cursor.next == UInt8(ascii: " ") { cursor.advance() }
        return Writer(tag: word.dropLast().prefix { $0 != UInt8(ascii: "[") })
      }
      guard word.contains(UInt8(ascii: ".")), cursor.take(" ") else { break }
    }
    cursor.move(to: start)
    return nil
  }
}

/// Arithmetic on numbers of logs.
enum Saturating {
  static func product(_ count: UInt64, _ factor: UInt64) -> UInt64 {
    let (product, overflow) = count.multipliedReportingOverflow(by: factor)
    // Half of the range leaves room for what is added.
    return overflow ? .max / 2 : min(product, .max / 2)
  }
}
