import ProcModel

/// A moment as a person writes it: the part of systemd.time(7) that is used most.
package enum TimeExpression {
  /// What may be written, for messages.
  package static let forms =
    "give a time as journalctl takes it: \"2 days ago\", -2h, yesterday, today, now, 10:00, 2026-11-30, "
    + "\"2026-11-30 10:00\", 2026-11-30T10:00:00Z, or @1796205600"

  /// - Parameters:
  ///   - now: The present.
  ///   - zone: In which days begin, and in which times without a zone are.
  /// - Returns: Nil where the text is none of ``forms``.
  package static func moment(_ text: String, now: WallTime, zone: LocalZone) -> WallTime? {
    let words = text.split(separator: " ").joined(separator: " ")
    switch words.lowercased() {
    case "now": return now
    case "today": return midnight(now, daysLater: 0, zone)
    case "yesterday": return midnight(now, daysLater: -1, zone)
    case "tomorrow": return midnight(now, daysLater: 1, zone)
    default: break
    }
    return relative(words, now) ?? absolute(Array(words.utf8), now, zone)
  }

  private static func midnight(_ now: WallTime, daysLater days: Int64, _ zone: LocalZone) -> WallTime? {
    let today = zone.civil(now)
    let noon = CivilTime(year: today.year, month: today.month, day: today.day).secondsAsUTC + days * 86_400
    let day = CivilTime(utc: WallTime(seconds: noon))
    return zone.moment(CivilTime(year: day.year, month: day.month, day: day.day))
  }

  // MARK: Spans

  /// `2 days ago`, `1h 30min ago`, `-2h`, `+5min`.
  private static func relative(_ text: String, _ now: WallTime) -> WallTime? {
    var cursor = TextCursor(Array(text.utf8))
    let isPast: Bool
    if cursor.take("-") {
      isPast = true
    } else if cursor.take("+") {
      isPast = false
    } else if text.hasSuffix(" ago") {
      isPast = true
      cursor = TextCursor(Array(text.dropLast(4).utf8))
    } else {
      return nil
    }
    var total: UInt64 = 0
    repeat {
      cursor.skipBlanks()
      guard let count = cursor.number() else { return nil }
      cursor.skipBlanks()
      let start = cursor.position
      while let byte = cursor.next, byte != .space, byte.decimalDigit == nil { cursor.advance() }
      guard let unit = milliseconds(of: String(decoding: cursor.bytes[start..<cursor.position], as: UTF8.self)) else {
        return nil
      }
      total = Saturating.product(count, unit).addingReportingOverflow(min(total, .max / 4)).partialValue
    } while !cursor.isAtEnd
    let span = Int64(clamping: total)
    return now.advanced(milliseconds: isPast ? -span : span)
  }

  /// Of a unit as systemd.time(7) has them. A number without one is of seconds.
  private static func milliseconds(of unit: String) -> UInt64? {
    switch unit {
    case "", "s", "sec", "secs", "second", "seconds": 1000
    case "ms", "msec": 1
    case "m", "min", "mins", "minute", "minutes": 60_000
    case "h", "hr", "hrs", "hour", "hours": 3_600_000
    case "d", "day", "days": 86_400_000
    case "w", "week", "weeks": 604_800_000
    // 30.44 and 365.25 days.
    case "M", "month", "months": 2_630_016_000
    case "y", "year", "years": 31_557_600_000
    default: nil
    }
  }

  // MARK: Dates

  private static func absolute(_ text: [UInt8], _ now: WallTime, _ zone: LocalZone) -> WallTime? {
    var cursor = TextCursor(text)
    if cursor.take("@") {
      guard let seconds = cursor.number(), cursor.isAtEnd else { return nil }
      return WallTime(seconds: Int64(clamping: seconds))
    }
    if let time = TimeText.rfc3339(&cursor, zone: zone) { return cursor.isAtEnd ? time : utc(cursor, time, text) }
    cursor = TextCursor(text)
    var civil = zone.civil(now)
    (civil.hour, civil.minute, civil.second, civil.millisecond) = (0, 0, 0, 0)
    if let year = cursor.digits(4) {
      guard cursor.take("-"), let month = cursor.digits(2), cursor.take("-"), let day = cursor.digits(2) else {
        return nil
      }
      (civil.year, civil.month, civil.day) = (year, month, day)
      if cursor.isAtEnd { return zone.moment(civil) }
      guard cursor.take(" ") || cursor.take("T") else { return nil }
    }
    guard let hour = cursor.digits(2), cursor.take(":"), let minute = cursor.digits(2) else { return nil }
    (civil.hour, civil.minute) = (hour, minute)
    if cursor.take(":") {
      guard let second = cursor.digits(2) else { return nil }
      civil.second = second
    }
    if cursor.isAtEnd { return zone.moment(civil) }
    guard cursor.take(" UTC") || cursor.take("Z"), cursor.isAtEnd, civil.exists else { return nil }
    return WallTime(seconds: civil.secondsAsUTC)
  }

  /// `2026-11-30 10:00:00 UTC`.
  private static func utc(_ cursor: TextCursor, _ time: WallTime, _ text: [UInt8]) -> WallTime? {
    var rest = cursor
    guard rest.take(" UTC"), rest.isAtEnd else { return nil }
    var again = TextCursor(text)
    return TimeText.rfc3339(&again, zone: .utc)
  }
}
