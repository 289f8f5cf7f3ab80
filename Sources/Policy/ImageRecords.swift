import Badness
import Pressure
import ProcModel

// The records of an image, each in the order in which docs/policy-image.md has its fields.

extension CompiledPolicy {
  /// Passes the whole policy, but for the header that describes it.
  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.record(&settings)
    try pass.record(&measures)
    try pass.table(&domains, .domains)
    try pass.table(&rules, .rules)
    try pass.table(&tests, .tests)
    try pass.table(&alternatives, .alternatives)
    try pass.table(&patterns, .patterns)
    try pass.table(&automata, .automata)
    for index in automata.indices { try pass.table(&automata[index].positions, .positions) }
    for index in automata.indices { try pass.table(&automata[index].sets, .sets) }
    try pass.table(&commands, .commands)
    try pass.table(&cgroups, .cgroups)
    try pass.table(&text, .text)
  }
}

extension Settings: ImageRecord {
  static var blank: Settings {
    Settings(
      thresholds: .blank, formula: .spillway, adjustment: .respect, grace: .zero, minimumFootprint: .automatic)
  }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.choice(&formula, .formula)
    try pass.record(&adjustmentUse)
    pass.time(&grace)
    var minimum: Amount?
    if case .amount(let own) = minimumFootprint { minimum = own }
    try pass.optionalAmount(&minimum)
    minimumFootprint = minimum.map { .amount($0) } ?? .automatic
    try pass.record(&thresholds)
    try pass.choice(&scope, .scope)
    try pass.choice(&signal, .signal)
    try pass.optional(&swarm, .swarm)
  }
}

extension Settings {
  fileprivate var adjustmentUse: AdjustmentUse {
    get { AdjustmentUse(use: adjustment, ignoresInherited: ignoresInherited) }
    set { (adjustment, ignoresInherited) = (newValue.use, newValue.ignoresInherited) }
  }
}

/// How `oom_score_adj` is used: one number.
private struct AdjustmentUse: ImageRecord {
  var use: OomScoreAdjUse
  var ignoresInherited: Bool

  static var blank: AdjustmentUse { AdjustmentUse(use: .respect, ignoresInherited: false) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    var number = use.rawValue + (ignoresInherited ? ImageLayout.adjustmentIgnoresInherited : 0)
    pass.number(&number)
    ignoresInherited = number >= ImageLayout.adjustmentIgnoresInherited
    let own = ignoresInherited ? number - ImageLayout.adjustmentIgnoresInherited : number
    guard let known = OomScoreAdjUse(rawValue: own) else { throw .invalid(.adjustment, entry: pass.entry) }
    use = known
  }
}

extension Thresholds: ImageRecord {
  static var blank: Thresholds {
    Thresholds(floor: Floor(available: .blank, swapFree: nil), release: .blank)
  }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.amount(&floor.available)
    try pass.optionalAmount(&floor.swapFree)
    try pass.amount(&release)
    try pass.optional(&stall, .stall)
    try pass.optional(&thrash, .thrash)
    try pass.optional(&forecast, .forecast)
    try pass.optional(&limit, .limit)
    var classic: ClassicConstants?
    if case .classic(let constants) = confirmation { classic = constants }
    try pass.optional(&classic, .confirmation, absent: ImageLayout.confirmationImmediate)
    confirmation = classic.map { .classic($0) } ?? .immediate
  }
}

extension Amount {
  fileprivate static var blank: Amount { .size(.zero) }
}

extension Stall: OptionalImageRecord {
  static var blank: Stall { Stall(isFull: false, share: BasisPoints(0), over: .zero, below: .blank) }

  var form: UInt8 {
    (isFull ? ImageLayout.stallFull : ImageLayout.stallSome) + (isPatient ? 0 : ImageLayout.stallIgnoresSwap)
      + source.rawValue * ImageLayout.stallForms
  }

  init?(form: UInt8) {
    guard form > 0, let source = StallSource(rawValue: (form - 1) / ImageLayout.stallForms) else { return nil }
    let form = (form - 1) % ImageLayout.stallForms + 1
    self = .blank
    self.source = source
    isPatient = form <= ImageLayout.stallFull
    isFull = (isPatient ? form : form - ImageLayout.stallIgnoresSwap) == ImageLayout.stallFull
  }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.share(&share, in: TriggerLimits.stall, .stallShare)
    try pass.time(&over, in: TriggerLimits.window, .window)
    try pass.amount(&below)
  }
}

extension Thrash: OptionalImageRecord {
  static var blank: Thrash { Thrash(refaults: BasisPoints(0), over: .zero, swapFree: .blank) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.share(&refaults, in: TriggerLimits.refaults, .refaults)
    try pass.time(&over, in: TriggerLimits.window, .window)
    try pass.amount(&swapFree)
  }
}

extension Forecast: OptionalImageRecord {
  static var blank: Forecast { Forecast(horizon: .zero, below: .blank) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.time(&horizon, in: TriggerLimits.horizon, .horizon)
    try pass.amount(&below)
  }
}

extension Limit: OptionalImageRecord {
  static var blank: Limit { Limit(available: .blank, swapFree: .blank) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.amount(&available)
    try pass.amount(&swapFree)
  }
}

extension ClassicConstants: OptionalImageRecord {
  static var blank: ClassicConstants { ClassicConstants() }

  var form: UInt8 { ImageLayout.confirmationClassic }

  init?(form: UInt8) {
    guard form == ImageLayout.confirmationClassic else { return nil }
    self = .blank
  }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.time(&gap, in: TriggerLimits.gap, .classicConstants)
    try pass.time(&youngest, in: TriggerLimits.youngest, .classicConstants)
    try pass.number(&failures, in: TriggerLimits.failures, .classicConstants)
    try pass.time(&pause, in: TriggerLimits.pause, .classicConstants)
    try pass.amount(&swapFree)
  }
}

extension Swarm: OptionalImageRecord {
  static var blank: Swarm { Swarm(members: 0, age: .zero, times: 0) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.number(&members, in: MeasureLimits.swarmMembers, .swarmFigures)
    try pass.time(&age, in: MeasureLimits.swarmAge, .swarmFigures)
    try pass.number(&times, in: MeasureLimits.swarmTimes, .swarmFigures)
  }
}

extension Domain: ImageRecord {
  static var blank: Domain { Domain(name: .blank, cgroup: .blank, settings: .blank) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.slice(&name)
    pass.slice(&cgroup)
    try pass.record(&settings)
  }
}
