/// A moment of the civil calendar in UTC.
package struct Timestamp: Equatable, Sendable {
  package var year: UInt64
  package var month: UInt64
  package var day: UInt64
  /// Since midnight.
  package var milliseconds: UInt64

  /// - Parameter nanosecondsSinceEpoch: Since 1970-01-01 UTC.
  package init(nanosecondsSinceEpoch: UInt64) {
    let total = nanosecondsSinceEpoch / 1_000_000
    milliseconds = total % 86_400_000
    // Days are counted from 0000-03-01, so that a leap day ends its year: 719 468 of them before 1970
    // (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let days = total / 86_400_000 + 719_468
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }
}

extension Array where Element == UInt8 {
  /// For the names of files: `20261123T061354Z`.
  package mutating func append(compact moment: Timestamp) {
    append(moment.year, digits: 4)
    append(moment.month, digits: 2)
    append(moment.day, digits: 2)
    append(UInt8(ascii: "T"))
    let seconds = moment.milliseconds / 1000
    append(seconds / 3600, digits: 2)
    append(seconds / 60 % 60, digits: 2)
    append(seconds % 60, digits: 2)
    append(UInt8(ascii: "Z"))
  }

  /// As RFC 3339 writes it: `2026-11-23T06:13:54.120Z`.
  package mutating func append(_ moment: Timestamp) {
    append(moment.year, digits: 4)
    append(UInt8(ascii: "-"))
    append(moment.month, digits: 2)
    append(UInt8(ascii: "-"))
    append(moment.day, digits: 2)
    append(UInt8(ascii: "T"))
    append(moment.milliseconds / 3_600_000, digits: 2)
    append(UInt8(ascii: ":"))
    append(moment.milliseconds / 60_000 % 60, digits: 2)
    append(UInt8(ascii: ":"))
    append(moment.milliseconds / 1000 % 60, digits: 2)
    append(UInt8(ascii: "."))
    append(moment.milliseconds % 1000, digits: 3)
    append(UInt8(ascii: "Z"))
  }

  /// For people, to the minute: `2026-11-23 06:13 UTC`.
  package mutating func append(minuteOf moment: Timestamp) {
    append(moment.year, digits: 4)
    append(UInt8(ascii: "-"))
    append(moment.month, digits: 2)
    append(UInt8(ascii: "-"))
    append(moment.day, digits: 2)
    append(UInt8(ascii: " "))
    append(moment.milliseconds / 3_600_000, digits: 2)
    append(UInt8(ascii: ":"))
    append(moment.milliseconds / 60_000 % 60, digits: 2)
    append(" UTC")
  }

  private mutating func append(_ number: UInt64, digits: Int) {
    var divisor: UInt64 = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }
}
