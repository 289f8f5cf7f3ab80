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
    }
    for index in cgroups.indices {
      guard cgroups[index].isWithin(text.count), MeasureLimits.isCgroup(bytes(cgroups[index])) else {
        throw .invalid(.cgroupPath, entry: index)
      }
    }
  }

  /// What hooks and relief refer to.
  func validateMeasures() throws(ImageError) {
    let hooks = measures.hooks
    guard hasCommand(hooks.warn), hasCommand(hooks.before), hasCommand(hooks.after), hasCommand(hooks.noCandidate)
    else { throw .invalid(.hook, entry: 0) }
    if hooks.beforeTakesOver, hooks.before == nil { throw .invalid(.takesOver, entry: 0) }
    if settings.thresholds.stall?.source == .cgroup, cgroups.isEmpty { throw .invalid(.stallSource, entry: 0) }
    for domain in domains where domain.settings.thresholds.stall?.source ?? .domain != .domain {
      throw .invalid(.stallSource, entry: 0)
    }
    let relief = measures.relief
    guard relief.reclaim <= cgroups.count else { throw .invalid(.reclaim, entry: 0) }
    if let high = relief.high, high.cgroup >= cgroups.count { throw .invalid(.reliefFigures, entry: 0) }
  }
}
