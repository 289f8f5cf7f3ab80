package import Pressure
package import ProcModel

/// A program to be started: no shell, its words as they were written.
package struct Command: Equatable, Sendable {
  /// In ``CompiledPolicy/text``: the path, then the arguments, a NUL after each, as execve(2) wants them.
  package var words: Slice
  package var uid: UInt32
  package var gid: UInt32
  /// After this it is killed.
  package var limit: Nanoseconds

  package init(words: Slice, uid: UInt32, gid: UInt32, limit: Nanoseconds) {
    self.words = words
    self.uid = uid
    self.gid = gid
    self.limit = limit
  }
}

/// What a rule says of the program that is told of a kill.
package enum HookChoice: Equatable, Sendable {
  /// None.
  case off
  /// The one at this index of ``CompiledPolicy/commands``.
  case command(UInt16)

  package var command: UInt16? {
    switch self {
    case .off: nil
    case .command(let index): index
    }
  }
}

/// `[hooks]`: indices of ``CompiledPolicy/commands``.
package struct Hooks: Equatable, Sendable {
  /// When memory first runs short in an episode.
  package var warn: UInt16?
  /// Before a victim is signalled.
  package var before: UInt16?
  /// Whether ``before`` may end a unit itself, within its limit.
  package var beforeTakesOver = false
  /// Started after a kill; a rule's `hook` takes its place.
  package var after: UInt16?
  /// Started when no process may be killed.
  package var noCandidate: UInt16?

  package init() {}
}

/// `[relief]`: what is tried without killing a process.
package struct Relief: Equatable, Sendable {
  /// Lowers `memory.high` for a time.
  package struct High: Equatable, Sendable {
    /// An index of ``CompiledPolicy/cgroups``.
    package var cgroup: UInt16
    /// A share is of what the cgroup holds at that moment (`memory.current`).
    package var to: Amount
    package var duration: Nanoseconds

    package init(cgroup: UInt16, to: Amount, duration: Nanoseconds) {
      self.cgroup = cgroup
      self.to = to
      self.duration = duration
    }
  }

  /// So many of ``CompiledPolicy/cgroups``, from the first, are asked to give memory back (`memory.reclaim`).
  package var reclaim: UInt16 = 0
  package var high: High?
  /// For so long the cgroup of the worst process is frozen.
  package var freeze: Nanoseconds?

  package init() {}
}

/// `[last_resort]`: what is done when kills do not help. Where both figures are there, both must be reached.
package struct LastResort: Equatable, Sendable {
  /// The raw values stand in images and never change.
  package enum Action: UInt8, CaseIterable, Sendable {
    case reboot = 1
    case panic = 2

    package var name: String {
      switch self {
      case .reboot: "reboot"
      case .panic: "panic"
      }
    }
  }

  package var action: Action
  /// So many victims were killed in one episode.
  package var afterVictims: UInt32?
  /// The episode has lasted so long.
  package var afterStall: Nanoseconds?

  package init(action: Action, afterVictims: UInt32?, afterStall: Nanoseconds?) {
    self.action = action
    self.afterVictims = afterVictims
    self.afterStall = afterStall
  }
}

/// What is done beside killing processes, and recorded of it.
package struct Measures: Equatable, Sendable {
  package var hooks = Hooks()
  package var relief = Relief()
  package var lastResort: LastResort?
  package var flight = FlightSettings()

  package init() {}
}

/// `action.swarm`: when many small processes count as one.
package struct Swarm: Equatable, Sendable {
  /// At least so many.
  package var members: UInt32
  /// Each younger than this.
  package var age: Nanoseconds
  /// Together at least so many times what the best single candidate gives back.
  package var times: UInt32

  package init(members: UInt32, age: Nanoseconds, times: UInt32) {
    self.members = members
    self.age = age
    self.times = times
  }
}

/// What the figures of measures may be: the compiler asks, and the reader of images.
package enum MeasureLimits {
  /// Bytes of all words of a command together, with the NUL after each.
  package static let commandLength = 4096
  package static let commandWords = 64
  package static let commandLimit = Nanoseconds.milliseconds(100)...Nanoseconds.milliseconds(60_000)
  /// Bytes of a cgroup's path.
  package static let cgroupLength = 1024
  package static let duration = Nanoseconds.milliseconds(1000)...Nanoseconds.milliseconds(600_000)
  /// Of what a cgroup holds: below, its processes stand still.
  package static let high = BasisPoints.percent(10)...BasisPoints.percent(100)
  package static let victims: ClosedRange<UInt32> = 1...1000
  package static let swarmMembers: ClosedRange<UInt32> = 4...512
  package static let swarmAge = Nanoseconds.milliseconds(1000)...Nanoseconds.milliseconds(600_000)
  package static let swarmTimes: ClosedRange<UInt32> = 2...100

  /// Whether these bytes are the words of a command: an absolute path that names a file, then arguments, a NUL after
  /// each.
  package static func isCommand(_ words: Span<UInt8>) -> Bool {
    guard words.count <= commandLength, words.count > 2, words[0] == UInt8(ascii: "/"), words[words.count - 1] == 0
    else { return false }
    var count = 0
    var end = 0
    for index in words.indices where words[index] == 0 {
      if count == 0 { end = index }
      count += 1
    }
    return count <= commandWords && end > 1 && words[end - 1] != UInt8(ascii: "/")
  }

  /// Whether these bytes name a cgroup below the root: an absolute path without empty, `.` and `..` components.
  package static func isCgroup(_ path: Span<UInt8>) -> Bool {
    guard path.count <= cgroupLength, path.count > 1, path[0] == UInt8(ascii: "/") else { return false }
    var start = 1
    for index in 1...path.count {
      if index < path.count, path[index] == 0 { return false }
      guard index == path.count || path[index] == UInt8(ascii: "/") else { continue }
      let dots = (start..<index).allSatisfy { path[$0] == UInt8(ascii: ".") }
      if dots, index - start <= 2 { return false }
      start = index + 1
    }
    return true
  }
}
