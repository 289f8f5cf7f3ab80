import Pressure
import ProcModel

extension Measures: ImageRecord {
  static var blank: Measures { Measures() }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.record(&hooks)
    try pass.record(&relief)
    try pass.record(&lastResort)
    try pass.record(&flight, since: ImageLayout.versionWithFlight)
  }
}

/// A ring of 0 KiB stands for none.
extension FlightSettings: ImageRecord {
  static var blank: FlightSettings { FlightSettings() }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    var size = UInt32(clamping: ring?.count ?? 0)
    pass.number(&size)
    ring = size == 0 ? nil : KiB(UInt64(size))
    try pass.number(&keep, in: FlightLimits.keep, .flightFigures)
    var limit = UInt32(clamping: folderLimit.count)
    pass.number(&limit)
    folderLimit = KiB(UInt64(limit))
    try pass.flag(&keepsCommandLines, .flight)
    let (ring, folder) = (ring, folderLimit)
    try pass.limit(ring.map(FlightLimits.ring.contains) ?? true, .flightFigures)
    try pass.limit(FlightLimits.folder.contains(folder), .flightFigures)
    try pass.limit(folder >= FlightLimits.leastFolder(for: ring), .flightFigures)
  }
}

extension Hooks: ImageRecord {
  static var blank: Hooks { Hooks() }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.command(&warn)
    pass.command(&before)
    try pass.flag(&beforeTakesOver, .takesOver)
    pass.command(&after)
    pass.command(&noCandidate)
  }
}

extension Relief: ImageRecord {
  static var blank: Relief { Relief() }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.number(&reclaim)
    try pass.optional(&high, .relief)
    var freezing = freeze.map { FreezeTime(time: $0) }
    try pass.optional(&freezing, .relief)
    freeze = freezing?.time
  }
}

extension Relief.High: OptionalImageRecord {
  static var blank: Relief.High { Relief.High(cgroup: 0, to: .size(.zero), duration: .zero) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.number(&cgroup)
    try pass.amount(&to)
    if case .share(let points) = to { try pass.limit(MeasureLimits.high.contains(points), .reliefFigures) }
    try pass.time(&duration, in: MeasureLimits.duration, .reliefFigures)
  }
}

/// How long a cgroup stays frozen.
private struct FreezeTime: OptionalImageRecord {
  var time: Nanoseconds

  static var blank: FreezeTime { FreezeTime(time: .zero) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    try pass.time(&time, in: MeasureLimits.duration, .reliefFigures)
  }
}

/// Absent where no action is named. Each of its figures is absent where it is 0.
extension LastResort?: ImageRecord {
  static var blank: LastResort? { .some(LastResort(action: .reboot, afterVictims: nil, afterStall: nil)) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    var action = self?.action
    try pass.optionalChoice(&action, .lastResort)
    var victims = self?.afterVictims ?? 0
    pass.number(&victims)
    var stall = self?.afterStall ?? .zero
    pass.time(&stall)
    guard let action else {
      guard victims == 0, stall == .zero else { throw .invalid(.lastResort, entry: pass.entry) }
      self = nil
      return
    }
    let isBounded = victims > 0 || stall > .zero
    let isWithin =
      (victims == 0 || MeasureLimits.victims.contains(victims))
      && (stall == .zero || MeasureLimits.duration.contains(stall))
    try pass.limit(isBounded && isWithin, .lastResortFigures)
    self = LastResort(
      action: action, afterVictims: victims == 0 ? nil : victims, afterStall: stall == .zero ? nil : stall)
  }
}

extension Command: ImageRecord {
  static var blank: Command { Command(words: .blank, uid: 0, gid: 0, limit: .zero) }

  mutating func pass<Pass: ImagePass & ~Copyable & ~Escapable>(through pass: inout Pass) throws(ImageError) {
    pass.slice(&words)
    pass.number(&uid)
    pass.number(&gid)
    // What setuid(2) and its kin take for "leave it as it is".
    let isUser = uid != .max && gid != .max
    try pass.limit(isUser, .commandUser)
    try pass.time(&limit, in: MeasureLimits.commandLimit, .commandLimit)
  }
}
