import Pressure
import ProcModel

/// Why a text is no amount, share or time.
package struct QuantityError: Error, Equatable {
  package var what: String
  package var meant: String
}

/// The amounts of memory that a policy states: `"8%"`, `"7.5%"`, `"200 MiB"`.
enum AmountText {
  private static let units: [(name: String, kib: UInt64)] = [("KiB", 1), ("MiB", 1 << 10), ("GiB", 1 << 20)]

  /// The largest amount: 1 EiB, in KiB. It is above any machine, and far from overflow.
  private static let most: UInt64 = 1 << 50

  private static let whole = BasisPoints(0)...BasisPoints.percent(100)

  static let example = "\"200 MiB\" or \"8%\""

  static func parse(_ text: String) throws(QuantityError) -> Amount {
    var rest = Substring(text)
    guard let number = DecimalNumber(from: &rest) else {
      throw QuantityError(what: "\(quoted(text)) is no amount of memory", meant: "write as in \(example)")
    }
    rest = rest.drop { $0 == " " }
    if rest == "%" { return .share(try ShareText.share(number, of: text, within: whole)) }
    guard let unit = units.first(where: { $0.name == rest }) else { throw unknownUnit(rest, number) }
    let product = number.thousandths.multipliedFullWidth(by: unit.kib)
    guard product.high < 1000 else { throw tooMuch(text) }
    let kib = UInt64(1000).dividingFullWidth(product).quotient
    guard kib <= most else { throw tooMuch(text) }
    return .size(KiB(kib))
  }

  private static func unknownUnit(_ unit: Substring, _ number: DecimalNumber) -> QuantityError {
    if unit.isEmpty {
      return QuantityError(what: "\"\(number)\" has no unit", meant: "write \"\(number) MiB\" or a share as in \"8%\"")
    }
    let near =
      switch unit.lowercased() {
      case "k", "kb", "kib", "ki": "KiB"
      case "m", "mb", "mib", "mi": "MiB"
      case "g", "gb", "gib", "gi": "GiB"
      default: ""
      }
    let meant = near.isEmpty ? "known are %, KiB, MiB and GiB" : "write \"\(number) \(near)\""
    return QuantityError(what: "\(quoted(String(unit))) is no unit of memory here", meant: meant)
  }

  private static func tooMuch(_ text: String) -> QuantityError {
    QuantityError(what: "\(quoted(text)) is more than any machine has", meant: "an amount is at most 1 EiB")
  }
}

/// The sizes of something that is no share of anything: `"256 KiB"`.
enum SizeText {
  static func parse(
    _ text: String, _ example: String, within allowed: ClosedRange<KiB>
  ) throws(QuantityError) -> KiB {
    guard case .size(let size) = try AmountText.parse(text) else {
      throw QuantityError(what: "\(quoted(text)) is a share", meant: "write a size such as \(example)")
    }
    guard allowed.contains(size) else {
      let (least, most) = (describe(.size(allowed.lowerBound)), describe(.size(allowed.upperBound)))
      throw QuantityError(
        what: "\(quoted(text)) is too \(size < allowed.lowerBound ? "small" : "large")",
        meant: "it can be \(quoted(least)) to \(quoted(most))")
    }
    return size
  }
}

/// The shares of something other than memory: `"15%"`.
enum ShareText {
  static func parse(
    _ text: String, _ example: String, within allowed: ClosedRange<BasisPoints>
  ) throws(QuantityError) -> BasisPoints {
    var rest = Substring(text)
    guard let number = DecimalNumber(from: &rest) else {
      throw QuantityError(what: "\(quoted(text)) is no share", meant: "write as in \(example)")
    }
    rest = rest.drop { $0 == " " }
    if rest.isEmpty { throw QuantityError(what: "\(quoted(text)) has no unit", meant: "write \"\(number)%\"") }
    guard rest == "%" else { throw QuantityError(what: "\(quoted(text)) is no share", meant: "write as in \(example)") }
    return try share(number, of: text, within: allowed)
  }

  /// The share for a number of percent.
  static func share(
    _ number: DecimalNumber, of text: String, within allowed: ClosedRange<BasisPoints>
  ) throws(QuantityError) -> BasisPoints {
    let most = allowed.upperBound
    guard number.thousandths <= UInt64(most.count) * 10 else {
      throw QuantityError(
        what: "\(quoted(text)) is more than " + (most == .percent(100) ? "the whole" : "is measured"),
        meant: "a share is at most \(quoted(describe(.share(most))))")
    }
    guard number.thousandths % 10 == 0 else {
      throw QuantityError(
        what: "\(quoted(text)) is finer than a hundredth of a percent", meant: "a share has at most two decimals")
    }
    let share = BasisPoints(UInt32(number.thousandths / 10))
    guard share >= allowed.lowerBound else {
      throw QuantityError(
        what: "\(quoted(text)) is always reached",
        meant: "it must be \(quoted(describe(.share(allowed.lowerBound)))) at least, or the trigger \"off\"")
    }
    return share
  }
}

/// The lengths of time that a policy states: `"5s"`, `"500ms"`, `"1min 30s"`.
enum DurationText {
  private static let units: [(name: String, milliseconds: UInt64)] = [
    ("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]

  /// - Parameter allowed: The range of times that is allowed.
  static func parse(_ text: String, within allowed: ClosedRange<Nanoseconds>) throws(QuantityError) -> Nanoseconds {
    var rest = Substring(text)
    var total: UInt64 = 0
    repeat {
      guard let number = DecimalNumber(from: &rest) else {
        throw QuantityError(what: "\(quoted(text)) is no length of time", meant: "write as in \"5s\" or \"500ms\"")
      }
      rest = rest.drop { $0 == " " }
      let name = rest.prefix { $0.isLetter }
      guard let unit = units.first(where: { $0.name == name }) else { throw unknownUnit(name, number) }
      rest = rest.dropFirst(name.count).drop { $0 == " " }
      let (microseconds, overflow) = number.thousandths.multipliedReportingOverflow(by: unit.milliseconds)
      total += overflow ? .max / 2 : microseconds
      guard total <= allowed.upperBound.microseconds else {
        throw QuantityError(
          what: "\(quoted(text)) is too long", meant: "it can be at most \(quoted(describe(allowed.upperBound)))")
      }
      guard microseconds % 1000 == 0 else {
        throw QuantityError(what: "\(quoted(text)) is finer than a millisecond", meant: "round it")
      }
    } while !rest.isEmpty
    guard total >= allowed.lowerBound.microseconds else {
      throw QuantityError(
        what: "\(quoted(text)) is too short", meant: "it must be at least \(quoted(describe(allowed.lowerBound)))")
    }
    return .milliseconds(total / 1000)
  }

  private static func unknownUnit(_ unit: Substring, _ number: DecimalNumber) -> QuantityError {
    if unit.isEmpty {
      return QuantityError(what: "\"\(number)\" has no unit", meant: "write \"\(number)s\" or \"\(number)ms\"")
    }
    let near =
      switch unit.lowercased() {
      case "s", "sec", "secs", "second", "seconds": "s"
      case "ms", "msec", "millis": "ms"
      case "m", "min", "mins", "minute", "minutes": "min"
      case "h", "hr", "hrs", "hour", "hours": "h"
      case "d", "day", "days": "d"
      default: ""
      }
    let meant = near.isEmpty ? "known are ms, s, min, h and d" : "write \"\(number)\(near)\""
    return QuantityError(what: "\(quoted(String(unit))) is no unit of time here", meant: meant)
  }
}

/// A decimal number without sign or exponent, exact to three decimals.
struct DecimalNumber: CustomStringConvertible {
  let thousandths: UInt64
  let description: String

  /// Takes the number that `text` begins with. Nil, with `text` unchanged, if it begins with no number, or with one of
  /// more than 12 digits before the point or three behind it.
  init?(from text: inout Substring) {
    let isDigit: (Character) -> Bool = { $0.isASCII && $0.isNumber }
    let whole = text.prefix(while: isDigit)
    var rest = text.dropFirst(whole.count)
    var decimals = Substring()
    if rest.first == "." {
      decimals = rest.dropFirst().prefix(while: isDigit)
      guard !decimals.isEmpty else { return nil }
      rest = rest.dropFirst(1 + decimals.count)
    }
    let digits = String(whole) + decimals + String(repeating: "0", count: max(3 - decimals.count, 0))
    guard !whole.isEmpty, whole.count <= 12, decimals.count <= 3, let value = UInt64(digits) else { return nil }
    thousandths = value
    description = decimals.isEmpty ? String(whole) : whole + "." + decimals
    text = rest
  }
}
