/// A moment in milliseconds since 1970-01-01 UTC. Its arithmetic saturates: times in logs are whatever was written.
package struct WallTime: Hashable, Comparable, Sendable {
  package var milliseconds: Int64

  package init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  package init(seconds: Int64) {
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    milliseconds = overflow ? (seconds < 0 ? .min : .max) : product
  }

  package static func < (left: WallTime, right: WallTime) -> Bool { left.milliseconds < right.milliseconds }

  /// The moment so many milliseconds later, or before where the number is negative.
  package func advanced(milliseconds: Int64) -> WallTime {
    let (sum, overflow) = self.milliseconds.addingReportingOverflow(milliseconds)
    return WallTime(milliseconds: overflow ? (milliseconds < 0 ? .min : .max) : sum)
  }

  /// Milliseconds from another moment to this one; negative where the other is later.
  package func since(_ other: WallTime) -> Int64 {
    let (difference, overflow) = milliseconds.subtractingReportingOverflow(other.milliseconds)
    return overflow ? (milliseconds < other.milliseconds ? .min : .max) : difference
  }

  /// The whole seconds since 1970, rounded down.
  package var seconds: Int64 { milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000 }
}

/// A moment of the civil calendar, in a time zone that stands beside it.
package struct CivilTime: Equatable, Sendable {
  package var year: Int64
  package var month: Int64
  package var day: Int64
  package var hour: Int64 = 0
  package var minute: Int64 = 0
  package var second: Int64 = 0
  package var millisecond: Int64 = 0

  package init(
    year: Int64, month: Int64, day: Int64, hour: Int64 = 0, minute: Int64 = 0, second: Int64 = 0,
    millisecond: Int64 = 0
  ) {
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
    self.millisecond = millisecond
  }

  /// The moment in UTC.
  package init(utc time: WallTime) {
    let seconds = time.seconds
    let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let rest = seconds - days * 86_400
    // Days are counted from 0000-03-01, so that a leap day ends its year (Howard Hinnant, "chrono-Compatible Low-Level
    // Date Algorithms").
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    hour = rest / 3600
    minute = rest / 60 % 60
    second = rest % 60
    millisecond = time.milliseconds - seconds * 1000
  }

  /// Whether there is such a day and such a time of day. A leap second counts as one.
  package var exists: Bool {
    (0...9999).contains(year) && (1...12).contains(month) && (1...CivilTime.days(of: month, in: year)).contains(day)
      && (0...23).contains(hour) && (0...59).contains(minute) && (0...60).contains(second)
      && (0...999).contains(millisecond)
  }

  private static func days(of month: Int64, in year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Seconds since 1970 as if this were UTC. Only of a moment that exists.
  package var secondsAsUTC: Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    return days * 86_400 + hour * 3600 + minute * 60 + second
  }
}

/// How far local time is from UTC.
package struct LocalZone: Sendable {
  /// Seconds east of UTC at a moment, given in seconds since 1970.
  private let offset: @Sendable (Int64) -> Int64

  package init(offset: @escaping @Sendable (Int64) -> Int64) {
    self.offset = offset
  }

  package static let utc = LocalZone { _ in 0 }

  /// The moment of a local time. In the hour that daylight saving repeats it is the first of the two; in the hour that
  /// it skips, it is as far after the change as it says.
  package func moment(_ civil: CivilTime) -> WallTime? {
    guard civil.exists else { return nil }
    let local = civil.secondsAsUTC
    let before = offset(local - 86_400)
    let early = local - before
    let seconds = offset(early) == before ? early : local - offset(local - offset(early))
    return WallTime(seconds: seconds).advanced(milliseconds: civil.millisecond)
  }

  package func civil(_ time: WallTime) -> CivilTime {
    CivilTime(utc: time.advanced(milliseconds: offset(time.seconds) * 1000))
  }
}
