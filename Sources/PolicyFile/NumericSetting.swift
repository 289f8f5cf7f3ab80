package import Policy
import Pressure
import ProcModel

/// A setting of a policy that is one number. It can be set in a compiled policy, to see what another number would do.
package struct NumericSetting: Sendable {
  /// The place in a policy's file, such as `trigger.floor.available`.
  package let key: String
  private let kind: Kind
  private let read: @Sendable (Settings) -> Value?
  private let write: @Sendable (inout Settings, Value) -> Void

  private enum Kind {
    case amount
    case share(ClosedRange<BasisPoints>)
    case duration(ClosedRange<Nanoseconds>)
    case count(ClosedRange<UInt32>)
  }

  fileprivate enum Value: Equatable {
    case amount(Amount)
    case share(BasisPoints)
    case duration(Nanoseconds)
    case count(UInt32)
  }

  /// The setting of that key; nil where no setting that is a number has it.
  package init?(key: String) {
    guard let setting = NumericSetting.all.first(where: { $0.key == key }) else { return nil }
    self = setting
  }

  private init<Number: SettingNumber>(
    _ key: String, _ kind: Kind, read: @escaping @Sendable (Settings) -> Number?,
    write: @escaping @Sendable (inout Settings, Number) -> Void
  ) {
    self.key = key
    self.kind = kind
    self.read = { settings in read(settings)?.value }
    self.write = { settings, value in if let number = Number(value) { write(&settings, number) } }
  }

  /// - Parameters:
  ///   - owner: What has the number, and may be off.
  ///   - field: The number in it.
  private init<Owner: SendableMetatype, Number: SettingNumber>(
    _ key: String, _ kind: Kind, of owner: any WritableKeyPath<Settings, Owner?> & Sendable,
    _ field: any WritableKeyPath<Owner, Number> & Sendable
  ) {
    self.init(key, kind) {
      $0[keyPath: owner]?[keyPath: field]
    } write: {
      $0[keyPath: owner]?[keyPath: field] = $1
    }
  }

  /// The nearest key to a word that is none; nil where none is near.
  package static func nearest(to word: String) -> String? {
    PolicyFile.nearest(to: word, among: all.map(\.key))
  }

  /// Sets it in a policy: for the system, and for each domain that has the same value as the system. The rest of the
  /// policy stays as it is.
  ///
  /// - Parameter text: The value as a policy's file has it: `2%`, `64 MiB`, `5s`, `12`.
  /// - Throws: What is wrong with the value. A trigger that is off has no numbers.
  package func set(_ text: String, in policy: inout CompiledPolicy) throws(QuantityError) {
    let value = try parse(text)
    let former = read(policy.settings)
    guard former != nil || canBeginUnset else {
      let owner = key.split(separator: ".").dropLast().joined(separator: ".")
      throw QuantityError(what: "\(owner) is off in this policy", meant: "choose a setting that is in use")
    }
    write(&policy.settings, value)
    for index in policy.domains.indices where read(policy.domains[index].settings) == former {
      write(&policy.domains[index].settings, value)
    }
  }

  /// Whether the setting has a meaning where the policy has no number for it.
  private var canBeginUnset: Bool { key == "trigger.floor.swap_free" || key == "action.min_footprint" }

  /// Whether its values are whole numbers without a unit.
  var isCount: Bool { if case .count = kind { true } else { false } }

  private func parse(_ text: String) throws(QuantityError) -> Value {
    switch kind {
    case .amount: return .amount(try AmountText.parse(text))
    case .share(let range): return .share(try ShareText.parse(text, "\"15%\"", within: range))
    case .duration(let range): return .duration(try DurationText.parse(text, within: range))
    case .count(let range):
      guard let number = UInt32(text), range.contains(number) else {
        throw QuantityError(
          what: "\(quoted(text)) is none of its values", meant: "it can be \(range.lowerBound) to \(range.upperBound)")
      }
      return .count(number)
    }
  }

  // MARK: Which there are

  package static let all: [NumericSetting] = [
    NumericSetting("trigger.floor.available", .amount) {
      $0.thresholds.floor.available
    } write: {
      $0.thresholds.floor.available = $1
    },
    NumericSetting("trigger.floor.swap_free", .amount) {
      $0.thresholds.floor.swapFree
    } write: {
      $0.thresholds.floor.swapFree = $1
    },
    NumericSetting("trigger.stall.full", .share(TriggerLimits.stall)) { settings in
      settings.thresholds.stall.flatMap { $0.isFull ? $0.share : nil }
    } write: {
      $0.thresholds.stall?.share = $1
    },
    NumericSetting("trigger.stall.some", .share(TriggerLimits.stall)) { settings in
      settings.thresholds.stall.flatMap { $0.isFull ? nil : $0.share }
    } write: {
      $0.thresholds.stall?.share = $1
    },
    NumericSetting("trigger.stall.over", .duration(TriggerLimits.window), of: \.thresholds.stall, \.over),
    NumericSetting("trigger.stall.below", .amount, of: \.thresholds.stall, \.below),
    NumericSetting("trigger.thrash.refaults", .share(TriggerLimits.refaults), of: \.thresholds.thrash, \.refaults),
    NumericSetting("trigger.thrash.over", .duration(TriggerLimits.window), of: \.thresholds.thrash, \.over),
    NumericSetting("trigger.thrash.swap_free", .amount, of: \.thresholds.thrash, \.swapFree),
    NumericSetting("trigger.forecast.horizon", .duration(TriggerLimits.horizon), of: \.thresholds.forecast, \.horizon),
    NumericSetting("trigger.forecast.below", .amount, of: \.thresholds.forecast, \.below),
    NumericSetting("trigger.limit.available", .amount, of: \.thresholds.limit, \.available),
    NumericSetting("trigger.limit.swap_free", .amount, of: \.thresholds.limit, \.swapFree),
    NumericSetting("trigger.release", .amount) {
      $0.thresholds.release
    } write: {
      $0.thresholds.release = $1
    },
    NumericSetting("action.min_footprint", .amount) { settings in
      if case .amount(let amount) = settings.minimumFootprint { amount } else { nil }
    } write: {
      $0.minimumFootprint = .amount($1)
    },
    NumericSetting("action.swarm.members", .count(MeasureLimits.swarmMembers), of: \.swarm, \.members),
    NumericSetting("action.swarm.age", .duration(MeasureLimits.swarmAge), of: \.swarm, \.age),
    NumericSetting("action.swarm.times", .count(MeasureLimits.swarmTimes), of: \.swarm, \.times),
  ]
}

/// What a number of a policy is: an amount of memory, a share, a time or a count.
private protocol SettingNumber: SendableMetatype {
  init?(_ value: NumericSetting.Value)
  var value: NumericSetting.Value { get }
}

extension Amount: SettingNumber {
  fileprivate init?(_ value: NumericSetting.Value) {
    guard case .amount(let amount) = value else { return nil }
    self = amount
  }
  fileprivate var value: NumericSetting.Value { .amount(self) }
}

extension BasisPoints: SettingNumber {
  fileprivate init?(_ value: NumericSetting.Value) {
    guard case .share(let share) = value else { return nil }
    self = share
  }
  fileprivate var value: NumericSetting.Value { .share(self) }
}

extension Nanoseconds: SettingNumber {
  fileprivate init?(_ value: NumericSetting.Value) {
    guard case .duration(let duration) = value else { return nil }
    self = duration
  }
  fileprivate var value: NumericSetting.Value { .duration(self) }
}

extension UInt32: SettingNumber {
  fileprivate init?(_ value: NumericSetting.Value) {
    guard case .count(let count) = value else { return nil }
    self = count
  }
  fileprivate var value: NumericSetting.Value { .count(self) }
}
