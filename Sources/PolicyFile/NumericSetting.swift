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

  private enum Value: Equatable {
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

  private init(
    _ key: String, _ kind: Kind, read: @escaping @Sendable (Settings) -> Value?,
    write: @escaping @Sendable (inout Settings, Value) -> Void
  ) {
    self.key = key
    self.kind = kind
    self.read = read
    self.write = write
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
    amount("trigger.floor.available") {
      $0.thresholds.floor.available
    } write: {
      $0.thresholds.floor.available = $1
    },
    amount("trigger.floor.swap_free") {
      $0.thresholds.floor.swapFree
    } write: {
      $0.thresholds.floor.swapFree = $1
    },
    share("trigger.stall.full", TriggerLimits.stall) { settings in
      settings.thresholds.stall.flatMap { $0.isFull ? $0.share : nil }
    } write: {
      $0.thresholds.stall?.share = $1
    },
    share("trigger.stall.some", TriggerLimits.stall) { settings in
      settings.thresholds.stall.flatMap { $0.isFull ? nil : $0.share }
    } write: {
      $0.thresholds.stall?.share = $1
    },
    duration("trigger.stall.over", TriggerLimits.window) {
      $0.thresholds.stall?.over
    } write: {
      $0.thresholds.stall?.over = $1
    },
    amount("trigger.stall.below") {
      $0.thresholds.stall?.below
    } write: {
      $0.thresholds.stall?.below = $1
    },
    share("trigger.thrash.refaults", TriggerLimits.refaults) {
      $0.thresholds.thrash?.refaults
    } write: {
      $0.thresholds.thrash?.refaults = $1
    },
    duration("trigger.thrash.over", TriggerLimits.window) {
      $0.thresholds.thrash?.over
    } write: {
      $0.thresholds.thrash?.over = $1
    },
    amount("trigger.thrash.swap_free") {
      $0.thresholds.thrash?.swapFree
    } write: {
      $0.thresholds.thrash?.swapFree = $1
    },
    duration("trigger.forecast.horizon", TriggerLimits.horizon) {
      $0.thresholds.forecast?.horizon
    } write: {
      $0.thresholds.forecast?.horizon = $1
    },
    amount("trigger.forecast.below") {
      $0.thresholds.forecast?.below
    } write: {
      $0.thresholds.forecast?.below = $1
    },
    amount("trigger.limit.available") {
      $0.thresholds.limit?.available
    } write: {
      $0.thresholds.limit?.available = $1
    },
    amount("trigger.limit.swap_free") {
      $0.thresholds.limit?.swapFree
    } write: {
      $0.thresholds.limit?.swapFree = $1
    },
    amount("trigger.release") {
      $0.thresholds.release
    } write: {
      $0.thresholds.release = $1
    },
    amount("action.min_footprint") { settings in
      if case .amount(let amount) = settings.minimumFootprint { amount } else { nil }
    } write: {
      $0.minimumFootprint = .amount($1)
    },
    NumericSetting("action.swarm.members", .count(MeasureLimits.swarmMembers)) {
      $0.swarm.map { .count($0.members) }
    } write: {
      if case .count(let count) = $1 { $0.swarm?.members = count }
    },
    duration("action.swarm.age", MeasureLimits.swarmAge) {
      $0.swarm?.age
    } write: {
      $0.swarm?.age = $1
    },
    NumericSetting("action.swarm.times", .count(MeasureLimits.swarmTimes)) {
      $0.swarm.map { .count($0.times) }
    } write: {
      if case .count(let count) = $1 { $0.swarm?.times = count }
    },
  ]

  private static func amount(
    _ key: String, read: @escaping @Sendable (Settings) -> Amount?,
    write: @escaping @Sendable (inout Settings, Amount) -> Void
  ) -> NumericSetting {
    NumericSetting(key, .amount) {
      read($0).map { .amount($0) }
    } write: {
      if case .amount(let amount) = $1 { write(&$0, amount) }
    }
  }

  private static func share(
    _ key: String, _ range: ClosedRange<BasisPoints>, read: @escaping @Sendable (Settings) -> BasisPoints?,
    write: @escaping @Sendable (inout Settings, BasisPoints) -> Void
  ) -> NumericSetting {
    NumericSetting(key, .share(range)) {
      read($0).map { .share($0) }
    } write: {
      if case .share(let share) = $1 { write(&$0, share) }
    }
  }

  private static func duration(
    _ key: String, _ range: ClosedRange<Nanoseconds>, read: @escaping @Sendable (Settings) -> Nanoseconds?,
    write: @escaping @Sendable (inout Settings, Nanoseconds) -> Void
  ) -> NumericSetting {
    NumericSetting(key, .duration(range)) {
      read($0).map { .duration($0) }
    } write: {
      if case .duration(let duration) = $1 { write(&$0, duration) }
    }
  }
}
