package import ProcModel

/// Which processes are read in full for a decision.
package enum ReadingPlan: Equatable, Sendable {
  /// All of them.
  case everyone
  /// Those that hold at least so much, and those of which that is not known from the first file alone. Zero is all of
  /// them.
  case worthKilling(from: KiB)

  /// What a decision begins with: a process that holds less is not worth killing alone, and the choice says where it
  /// has to know of the small ones too (``Picker/Pick/needsEveryone``).
  package init(for context: ScoringContext) {
    self = .worthKilling(from: context.leavesOutBelow)
  }

  /// A process with less than this is left out.
  package var leastFootprint: KiB {
    switch self {
    case .everyone: .zero
    case .worthKilling(let least): least
    }
  }
}
