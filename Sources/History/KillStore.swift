/// Kills that were found, as many of the newest as are asked for.
package struct KillStore: Sendable {
  private var kills: [PastKill] = []
  private let limit: Int
  /// How many older ones were left out.
  package private(set) var leftOut: UInt64 = 0

  /// - Parameter limit: The largest number of kills.
  package init(limit: Int) {
    self.limit = max(limit, 1)
  }

  package mutating func add(_ kill: PastKill) {
    kills.append(kill)
    // Of what several sources tell, twice as many are one and a half.
    if kills.count >= limit * 4 + 64 { trim(to: limit * 2) }
  }

  /// Completes the kill of an incident, which is among the last that were added.
  package mutating func complete(_ incident: [UInt8], _ body: (inout PastKill) -> Void) {
    var index = kills.count - 1
    while index >= max(kills.count - 256, 0) {
      if kills[index].decision?.incident == incident {
        body(&kills[index])
        return
      }
      index -= 1
    }
  }

  private mutating func trim(to count: Int) {
    let merged = KillMerge.merged(kills)
    leftOut += UInt64(max(merged.count - count, 0))
    kills = Array(merged.suffix(count))
  }

  /// All that are kept, each once, the newest last.
  package mutating func take() -> [PastKill] {
    trim(to: limit)
    return kills
  }
}
