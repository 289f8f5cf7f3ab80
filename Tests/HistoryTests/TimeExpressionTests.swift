import History
import Testing

/// Times as journalctl takes them.
@Suite struct TimeExpressionTests {
  /// 2026-12-01 12:30:00 UTC, a Tuesday.
  private static let now = WallTime(seconds: 1_796_128_200)
  private static let hour: Int64 = 3600
  private static let day: Int64 = 86_400

  @Test(arguments: [
    ("now", 0), ("2 days ago", -2 * day), ("1 day ago", -day), ("-2h", -2 * hour), ("+5min", 300),
    ("1h 30min ago", -5400), ("90s ago", -90), ("30 ago", -30), ("2 weeks ago", -14 * day),
    ("today", -12 * hour - 1800), ("yesterday", -day - 12 * hour - 1800), ("tomorrow", day - 12 * hour - 1800),
    ("Yesterday", -day - 12 * hour - 1800), ("10:00", -2 * hour - 1800), ("10:00:30", -2 * hour - 1770),
    ("2026-11-30", -day - 12 * hour - 1800), ("2026-11-30 10:00", -day - 2 * hour - 1800),
    ("2026-11-30 10:00:30", -day - 2 * hour - 1770), ("2026-11-30T10:00", -day - 2 * hour - 1800),
    ("2026-11-30T10:00:00Z", -day - 2 * hour - 1800), ("2026-11-30T10:00:00.500+02:00", -day - 4 * hour - 1799),
    ("2026-11-30 10:00:00 UTC", -day - 2 * hour - 1800), ("@1796128200", 0), ("  2   days ago ", -2 * day),
    ("2 months ago", -5_260_032),
  ]) func aTimeIsThatFarFromNow(text: String, seconds: Int64) throws {
    let moment = try #require(TimeExpression.moment(text, now: Self.now, zone: .utc), "\(text)")
    #expect(moment.since(Self.now) / 1000 == seconds, "\(text)")
  }

  @Test(arguments: [
    "", "banana", "days ago", "2 parsecs ago", "-", "+", "2026-13-01", "2026-02-30", "25:00", "10:60", "2026-11-30 10",
    "@", "@x", "10:00 tomorrow", "2026-11-30T10:00:00+99:00", "ago", "2 days", "١٠:٠٠",
  ]) func anythingElseIsNoTime(text: String) {
    #expect(TimeExpression.moment(text, now: Self.now, zone: .utc) == nil, "\(text)")
  }

  @Test func hugeSpansSaturate() throws {
    let moment = try #require(
      TimeExpression.moment("99999999999999999999 years ago", now: Self.now, zone: .utc))
    #expect(moment < WallTime(milliseconds: 0))
  }

  /// Two hours east of UTC in summer, one in winter, as in Berlin in 2026.
  @Test func daysBeginInTheLocalZone() throws {
    let changes: [Int64] = [1_774_746_000, 1_792_890_000]
    let berlin = LocalZone { $0 >= changes[0] && $0 < changes[1] ? 7200 : 3600 }
    let today = try #require(TimeExpression.moment("today", now: Self.now, zone: berlin))
    #expect(today == WallTime(seconds: 1_796_083_200 - 3600))
    let summer = try #require(TimeExpression.moment("2026-08-27 20:57:57", now: Self.now, zone: berlin))
    #expect(summer == WallTime(seconds: 1_787_857_077))
    #expect(berlin.civil(summer) == CivilTime(year: 2026, month: 8, day: 27, hour: 20, minute: 57, second: 57))
    // The hour that is skipped counts on from the change.
    #expect(berlin.moment(CivilTime(year: 2026, month: 3, day: 29, hour: 2, minute: 30)) != nil)
    #expect(berlin.moment(CivilTime(year: 2026, month: 10, day: 25, hour: 2, minute: 30)) != nil)
  }

  @Test func calendarAndSecondsAgreeOverCenturies() {
    for day in stride(from: Int64(-200_000), through: 200_000, by: 137) {
      let time = WallTime(milliseconds: day * 86_400_000 + 12_345_678)
      let civil = CivilTime(utc: time)
      #expect(civil.exists)
      #expect(LocalZone.utc.moment(civil) == time)
    }
  }
}
