/// A setting, and the values of it that are to be tried: `trigger.floor.available=2%..20%`, with a number of values
/// behind it as in `…=2%..20%/19`.
package struct SettingSweep: Sendable {
  package let setting: NumericSetting
  /// As a policy's file has them, in their order.
  package let values: [String]

  /// The number of values where none is given.
  package static let usualCount = 10
  private static let counts: ClosedRange<Int> = 2...1000

  package init(parsing text: String) throws(QuantityError) {
    let example = "trigger.floor.available=2%..20%"
    guard let equals = text.firstIndex(of: "=") else {
      throw QuantityError(what: "\(quoted(text)) names no values", meant: "write as in \(example)")
    }
    let key = text[..<equals].filter { $0 != " " }
    guard let setting = NumericSetting(key: key) else {
      let known = NumericSetting.all.map(\.key).joined(separator: ", ")
      throw QuantityError(
        what: "\(quoted(key)) is no setting that is a number",
        meant: NumericSetting.nearest(to: key).map { "did you mean \"\($0)\"?" } ?? "known are \(known)")
    }
    self.setting = setting
    var range = text[text.index(after: equals)...]
    var count = SettingSweep.usualCount
    if let slash = range.lastIndex(of: "/") {
      let digits = range[range.index(after: slash)...]
      guard let number = Int(digits), SettingSweep.counts.contains(number) else {
        throw QuantityError(
          what: "\(quoted(String(digits))) is no number of values",
          meant: "it can be \(SettingSweep.counts.lowerBound) to \(SettingSweep.counts.upperBound)")
      }
      count = number
      range = range[..<slash]
    }
    guard let dots = SettingSweep.dots(in: range) else {
      throw QuantityError(what: "\(quoted(String(range))) is no range", meant: "write as in \(example)")
    }
    let low = try SettingSweep.bound(range[..<dots.lowerBound])
    let high = try SettingSweep.bound(range[dots.upperBound...])
    guard low.unit == high.unit else {
      throw QuantityError(
        what: "\(quoted(low.unit)) and \(quoted(high.unit)) are not one unit", meant: "write both values in the same")
    }
    guard low.thousandths <= high.thousandths else {
      throw QuantityError(what: "\(quoted(String(range))) goes down", meant: "write the smaller value first")
    }
    values = SettingSweep.values(low, high, count, step: SettingSweep.step(of: setting, unit: low.unit))
  }

  private struct Bound {
    var thousandths: UInt64
    var unit: String
  }

  private static func dots(in text: Substring) -> Range<Substring.Index>? {
    var index = text.startIndex
    while index < text.endIndex {
      let next = text.index(after: index)
      if text[index] == ".", next < text.endIndex, text[next] == "." { return index..<text.index(after: next) }
      index = next
    }
    return nil
  }

  private static func bound(_ text: Substring) throws(QuantityError) -> Bound {
    var rest = text.drop { $0 == " " }
    guard let number = DecimalNumber(from: &rest) else {
      throw QuantityError(what: "\(quoted(String(text))) does not begin with a number", meant: "write as in \"2%\"")
    }
    let unit = rest.filter { $0 != " " }
    return Bound(thousandths: number.thousandths, unit: unit)
  }

  /// The finest difference between two values, in thousandths.
  private static func step(of setting: NumericSetting, unit: String) -> UInt64 {
    if setting.isCount || unit == "ms" || unit == "KiB" { return 1000 }
    // A share has two decimals.
    return unit == "%" ? 10 : 1
  }

  /// So many values at even distances, both ends among them; fewer where the step leaves no more.
  private static func values(_ low: Bound, _ high: Bound, _ count: Int, step: UInt64) -> [String] {
    var values: [String] = []
    for index in 0..<count {
      let whole = (high.thousandths - low.thousandths).multipliedFullWidth(by: UInt64(index))
      let exact = low.thousandths + UInt64(count - 1).dividingFullWidth(whole).quotient
      let rounded = index == 0 ? low.thousandths : index == count - 1 ? high.thousandths : exact / step * step
      let value = text(rounded) + low.unit
      if values.last != value { values.append(value) }
    }
    return values
  }

  private static func text(_ thousandths: UInt64) -> String {
    let decimals = String(thousandths % 1000 + 1000).dropFirst()
    let kept = decimals.reversed().drop { $0 == "0" }.reversed()
    return "\(thousandths / 1000)" + (kept.isEmpty ? "" : "." + String(kept))
  }
}
