import ProcModel

/// The forms in which logs write times.
enum TimeText {
  /// `20:57:57`.
  static func clock(_ cursor: inout TextCursor) -> (hour: Int64, minute: Int64, second: Int64)? {
    guard let hour = cursor.digits(2), cursor.take(":"), let minute = cursor.digits(2), cursor.take(":"),
      let second = cursor.digits(2)
    else { return nil }
    return (hour, minute, second)
  }

  /// `2026-10-04T18:49:10.123456+00:00`, `2026-10-04 18:49:10Z`, or without a zone, in the local one.
  static func rfc3339(_ cursor: inout TextCursor, zone: LocalZone) -> WallTime? {
    guard let year = cursor.digits(4), cursor.take("-"), let month = cursor.digits(2), cursor.take("-"),
      let day = cursor.digits(2), cursor.take("T") || cursor.take("t") || cursor.take(" "),
      let clock = clock(&cursor)
    else { return nil }
    var civil = CivilTime(
      year: year, month: month, day: day, hour: clock.hour, minute: clock.minute, second: clock.second)
    if cursor.take(".") || cursor.take(",") {
      guard let milliseconds = fraction(&cursor) else { return nil }
      civil.millisecond = milliseconds
    }
    guard civil.exists else { return nil }
    guard let east = offset(&cursor) else { return zone.moment(civil) }
    return WallTime(seconds: civil.secondsAsUTC - east).advanced(milliseconds: civil.millisecond)
  }

  /// The milliseconds of the digits behind a point; nil without any.
  private static func fraction(_ cursor: inout TextCursor) -> Int64? {
    var milliseconds: Int64 = 0
    var weight: Int64 = 100
    var isThere = false
    while let digit = cursor.next?.decimalDigit {
      milliseconds += Int64(digit) * weight
      weight /= 10
      isThere = true
      cursor.advance()
    }
    return isThere ? milliseconds : nil
  }

  /// `Z`, `+02:00` or `-0530`, in seconds east of UTC; nil, and nothing consumed, where there is none.
  private static func offset(_ cursor: inout TextCursor) -> Int64? {
    if cursor.take("Z") || cursor.take("z") { return 0 }
    var attempt = cursor
    let isWest = attempt.take("-")
    guard isWest || attempt.take("+"), let hours = attempt.digits(2) else { return nil }
    _ = attempt.take(":")
    guard let minutes = attempt.digits(2), hours < 24, minutes < 60 else { return nil }
    cursor = attempt
    let east = hours * 3600 + minutes * 60
    return isWest ? -east : east
  }

  /// What dmesg(1) -T writes, in the language of whoever called it: `Thu Aug 27 20:57:57 2026`,
  /// `dim. 19 avril 18:03:30 2026`.
  static func dmesg(_ text: [UInt8]) -> CivilTime? {
    let words = text.split(separator: .space)
    guard (4...6).contains(words.count), let last = words.last else { return nil }
    var yearCursor = TextCursor(Array(last))
    var clockCursor = TextCursor(Array(words[words.count - 2]))
    guard last.count == 4, let year = yearCursor.digits(4), let clock = clock(&clockCursor), clockCursor.isAtEnd else {
      return nil
    }
    var (day, month): (Int64?, Int64?)
    // The first is the weekday, whatever it looks like ("mar." is a Tuesday too).
    for word in words[1..<words.count - 2] {
      var cursor = TextCursor(Array(word))
      if let number = cursor.number(), cursor.isAtEnd || cursor.take("."), cursor.isAtEnd, number <= 31 {
        day = Int64(number)
      } else {
        month = Months.number(of: word) ?? month
      }
    }
    guard let day, let month else { return nil }
    return CivilTime(year: year, month: month, day: day, hour: clock.hour, minute: clock.minute, second: clock.second)
  }
}
