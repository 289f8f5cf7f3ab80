package import ProcModel

/// `[flight]`: how much is recorded for replays, and how much of it is kept (docs/flight.md).
package struct FlightSettings: Equatable, Sendable {
  /// The size of the ring; nil where nothing is recorded.
  package var ring: KiB? = KiB(256)
  /// The most flights that the folder holds.
  package var keep: UInt32 = 16
  /// The most that these have together.
  package var folderLimit = KiB(16 * 1024)
  /// Whether command lines are recorded. They may hold passwords.
  package var keepsCommandLines = false

  package init() {}
}

/// What the figures of `[flight]` may be: the compiler asks, and the reader of images.
package enum FlightLimits {
  package static let ring = KiB(32)...KiB(8 * 1024)
  package static let keep: ClosedRange<UInt32> = 1...256
  package static let folder = KiB(2 * 1024)...KiB(64 * 1024 * 1024)

  /// The most that a flight may have beside its ring: the images of two policies, and their names.
  private static let besideRing = KiB(1024)

  /// The least limit of a folder that holds one flight of a ring.
  package static func leastFolder(for ring: KiB?) -> KiB { (ring ?? .zero) + besideRing }
}
