package import ProcModel

/// What the figures of triggers and of the gate can be: the compiler tells an author, and ``CompiledPolicy/validate()``
/// refuses what lies outside.
package enum TriggerLimits {
  /// Nothing at all would be a stall at any time.
  package static let stall = BasisPoints(1)...BasisPoints.percent(100)
  /// As far as `Thrash` measures: the whole file cache, read back a hundred times a second.
  package static let refaults = BasisPoints(1)...BasisPoints.percent(10_000)
  /// What a trigger looks back over: less is a blip, and more no early warning.
  package static let window = Nanoseconds.milliseconds(100)...Nanoseconds.milliseconds(60_000)
  package static let horizon = Nanoseconds.milliseconds(1)...Nanoseconds.milliseconds(60_000)
  /// Looks are some time apart where memory is left: under a shorter gap each failure could begin a new episode, and
  /// memory would never be gone.
  package static let gap = Nanoseconds.milliseconds(1000)...longest
  package static let youngest = Nanoseconds.zero...longest
  /// The kernel counted to ten.
  package static let failures: ClosedRange<UInt32> = 1...1000
  package static let pause = Nanoseconds.zero...longest

  private static let longest = Nanoseconds.milliseconds(600_000)
}
