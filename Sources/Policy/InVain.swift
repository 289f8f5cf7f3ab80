package import ProcModel

/// Processes that it was tried in vain to kill, so that they are not chosen again.
package struct InVain: Sendable {
  // More than there are processes worth killing that one user may not signal: an agent without CAP_KILL must not go
  // round in circles.
  private var storage = InlineArray<64, ProcessIdentity>(
    repeating: ProcessIdentity(pid: 0, startTime: .zero))
  private var next = 0

  package init() {}

  /// The oldest is forgotten for the sixty-fifth.
  package mutating func insert(_ identity: ProcessIdentity) {
    storage[next] = identity
    next = (next + 1) % storage.count
  }

  package func contains(_ identity: ProcessIdentity) -> Bool {
    for index in storage.indices where storage[index] == identity {
      return true
    }
    return false
  }
}
