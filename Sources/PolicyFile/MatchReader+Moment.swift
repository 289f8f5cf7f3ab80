import Policy
import Pressure
import ProcModel

extension MatchField {
  /// Whether the field takes one value only: of two values that are "at least" the lower one alone would count.
  var isSingle: Bool {
    switch kind {
    case .time, .amount, .flag: true
    case .text, .range, .signedRange, .capabilities: false
    }
  }
}

/// Reads the fields that are evaluated anew at each look.
extension MatchReader {
  /// One second to ten years: no process runs longer without a restart of the machine.
  private static let age = Nanoseconds.milliseconds(1000)...Nanoseconds.milliseconds(3650 * 86_400_000)

  /// Reads a field that takes one value and no list.
  func single(_ field: MatchField, _ entry: SettingEntry, log: inout DiagnosticLog) -> RuleDraft.Test? {
    let value: RuleDraft.Value?
    switch field.kind {
    case .flag:
      if case .boolean(let flag) = entry.node.value {
        value = .flag(flag)
      } else {
        value = nil
        log.error(
          at: entry.node.offset, "\"\(field.name)\" is \(entry.node.kind)", "it must be true or false")
      }
    case .time:
      value = quantity(field, entry.node, "\"10min\"", log: &log) { text throws(QuantityError) in
        .time(try DurationText.parse(text, within: MatchReader.age))
      }
    default:
      value = quantity(field, entry.node, AmountText.example, log: &log) { text throws(QuantityError) in
        .amount(try AmountText.parse(text))
      }
    }
    if case .amount(let amount) = value { warn(of: amount, field, entry.node, log: &log) }
    return value.map { RuleDraft.Test(field: field, values: [$0]) }
  }

  /// Warns of an amount that every process has, or that no process can have.
  private func warn(of amount: Amount, _ field: MatchField, _ node: SettingNode, log: inout DiagnosticLog) {
    if amount.isNothing {
      log.warning(
        at: node.offset, "every process has \"\(field.name)\" of \(quoted(describe(amount))) and more",
        "leave it out, or write more")
    } else if field == .minFootprint, amount == .share(.percent(100)) {
      log.warning(at: node.offset, "no process holds all memory", "write less than \"100%\"")
    }
  }

  private func quantity(
    _ field: MatchField, _ node: SettingNode, _ example: String, log: inout DiagnosticLog,
    parse: (String) throws(QuantityError) -> RuleDraft.Value
  ) -> RuleDraft.Value? {
    switch node.value {
    case .string(let text):
      do {
        return try parse(text)
      } catch {
        log.error(at: node.offset, error.what, error.meant)
      }
    case .integer, .float:
      log.error(
        at: node.offset, "\"\(field.name)\" is a number without a unit", "write it as a string such as \(example)")
    default:
      log.error(at: node.offset, "\"\(field.name)\" is \(node.kind)", "it must be a string such as \(example)")
    }
    return nil
  }

  /// Reads a number, or `"low..high"`. A dash between two numbers that may be negative would be hard to read.
  func signedRange(
    _ node: SettingNode, _ key: String, within allowed: ClosedRange<Int32>, log: inout DiagnosticLog
  ) -> RuleDraft.Value? {
    let limits = "it must be within \(allowed.lowerBound) and \(allowed.upperBound)"
    switch node.value {
    case .integer(let number):
      guard let number = Int32(exactly: number), allowed.contains(number) else {
        log.error(at: node.offset, "\"\(key)\" is never \(number)", limits)
        return nil
      }
      return .signedRange(number, number)
    case .string(let text):
      let ends = text.split(separator: "..", omittingEmptySubsequences: false).map { Int32($0) }
      guard ends.count == 2, let low = ends[0], let high = ends[1] else {
        log.error(
          at: node.offset, "\(quoted(text)) is no range of numbers",
          "write as in \"\(allowed.lowerBound)..-1\"; a single one is a number")
        return nil
      }
      guard low <= high else {
        log.error(at: node.offset, "\(quoted(text)) runs backwards", "write \"\(high)..\(low)\"")
        return nil
      }
      guard allowed.contains(low), allowed.contains(high) else {
        log.error(at: node.offset, "\(quoted(text)) goes beyond what \"\(key)\" can be", limits)
        return nil
      }
      return .signedRange(low, high)
    default:
      log.error(
        at: node.offset, "\"\(key)\" is \(node.kind)",
        "it must be a number, a range such as \"\(allowed.lowerBound)..-1\" or a list of them")
      return nil
    }
  }
}
