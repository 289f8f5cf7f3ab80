package import ProcModel

/// Which processes are read in full for a decision.
package enum ReadingPlan: Equatable, Sendable {
  /// All of them.
  case everyone
  /// Those that hold at least so much, and those of which that is not known from the first file alone. Zero is all of
  /// them.
  case worthKilling(from: KiB)
  /// Those that may be the victim, as far as what is known from calmer times proves it of the others
  /// (``Chooser/bound(_:in:reading:shortage:)``): the largest first, until it is proven. A process that holds less than so
  /// much is left out, as above.
  case bounded(from: KiB)

  /// What a decision begins with: a process that holds less is not worth killing alone, and the choice says where it
  /// has to know of the small ones too (``Picker/Pick/needsEveryone``).
  package init(for context: ScoringContext) {
    self = .worthKilling(from: context.leavesOutBelow)
  }

  package var isBounded: Bool {
    switch self {
    case .everyone, .worthKilling: false
    case .bounded: true
    }
  }

  /// A process with less than this is left out.
  package var leastFootprint: KiB {
    switch self {
    case .everyone: .zero
    case .worthKilling(let least), .bounded(let least): least
    }
  }
}
