/// Kills that were found, as many of the newest as are asked for.
package struct KillStore: Sendable {
  private var kills: [PastKill] = []
  private let limit: Int
  /// How many older ones were left out.
  package private(set) var leftOut: UInt64 = 0

  private let isWanted: @Sendable (PastKill) -> Bool

  /// - Parameters:
  ///   - limit: The largest number of kills.
  ///   - isWanted: Which are kept at all, as one source tells of them.
  package init(limit: Int, isWanted: @escaping @Sendable (PastKill) -> Bool = { _ in true }) {
    self.limit = max(limit, 1)
    self.isWanted = isWanted
  }

  package mutating func add(_ kill: PastKill) {
    guard isWanted(kill) else { return }
    kills.append(kill)
    // Each kill takes about a kilobyte, and there may be no more than a few thousand kilobytes.
    if kills.count >= limit * 2 + 64 { trim(to: limit) }
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
