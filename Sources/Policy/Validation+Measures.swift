import Pressure
import ProcModel

extension CompiledPolicy {
  /// Whether there is such a command, where one is named.
  func hasCommand(_ index: UInt16?) -> Bool {
    index.map { $0 < commands.count } ?? true
  }

  /// The programs, and the cgroups, that settings and rules name.
  func validateCommands() throws(ImageError) {
    for index in commands.indices {
      let command = commands[index]
      guard command.words.isWithin(text.count), MeasureLimits.isCommand(bytes(command.words)) else {
        throw .invalid(.commandWords, entry: index)
      }
      // What setuid(2) and its kin take for "leave it as it is".
      guard command.uid != .max, command.gid != .max else { throw .invalid(.commandUser, entry: index) }
      guard MeasureLimits.commandLimit.contains(command.limit) else { throw .invalid(.commandLimit, entry: index) }
    }
    for index in cgroups.indices {
      guard cgroups[index].isWithin(text.count), MeasureLimits.isCgroup(bytes(cgroups[index])) else {
        throw .invalid(.cgroupPath, entry: index)
      }
    }
  }

  /// Hooks, relief and last resort.
  func validateMeasures() throws(ImageError) {
    let hooks = measures.hooks
    guard hasCommand(hooks.warn), hasCommand(hooks.before), hasCommand(hooks.after), hasCommand(hooks.noCandidate)
    else { throw .invalid(.hook, entry: 0) }
    if hooks.beforeTakesOver, hooks.before == nil { throw .invalid(.takesOver, entry: 0) }
    let relief = measures.relief
    guard relief.reclaim <= cgroups.count else { throw .invalid(.reclaim, entry: 0) }
    if let high = relief.high {
      guard high.cgroup < cgroups.count, MeasureLimits.duration.contains(high.duration) else {
        throw .invalid(.reliefFigures, entry: 0)
      }
      if case .share(let points) = high.to, !MeasureLimits.high.contains(points) {
        throw .invalid(.reliefFigures, entry: 0)
      }
    }
    if let freeze = relief.freeze, !MeasureLimits.duration.contains(freeze) {
      throw .invalid(.reliefFigures, entry: 0)
    }
    if let lastResort = measures.lastResort {
      let victims = lastResort.afterVictims
      let stall = lastResort.afterStall
      guard victims != nil || stall != nil, victims.map(MeasureLimits.victims.contains) ?? true,
        stall.map(MeasureLimits.duration.contains) ?? true
      else { throw .invalid(.lastResortFigures, entry: 0) }
    }
  }
}
