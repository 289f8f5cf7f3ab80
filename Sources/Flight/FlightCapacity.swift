/// The sizes of a ring and of what is remembered beside it. All follow from the ring's size.
package struct FlightCapacity: Equatable, Sendable {
  /// The ring, in bytes.
  package let ring: Int

  /// The number of segments in a ring. Each begins with a keyframe, 36 KiB where 500 different programs run. With four
  /// segments, less fits beside the keyframes there; with two, half of all is lost when the oldest is overwritten.
  package static let segments = 3
  /// 256 KiB: 512 processes are exact.
  package static let standard = FlightCapacity(ring: 256 * 1024)

  /// - Parameter ring: The ring in bytes, 32 KiB…8 MiB. Other sizes count as the nearest of these.
  package init(ring: Int) {
    self.ring = min(max(ring, 32 * 1024), 8 * 1024 * 1024)
  }

  /// The bytes of a segment, its header included.
  package var segment: Int { ring / FlightCapacity.segments }

  /// The number of processes whose rows a survey tells exactly.
  package var processes: Int { ring / 512 }

  /// The bytes for a row that is remembered, with two for its length. Different programs take 56 of them.
  static let bytesOfRow = 74

  /// The bytes for the rows that are remembered. Rows that do not fit are told in full in each survey.
  package var rowBytes: Int { processes * FlightCapacity.bytesOfRow }

  /// The most bytes of a keyframe that are texts of processes: 40 a process. With rows and texts at their most, a third
  /// of a segment is left for readings and items.
  package var textBytes: Int { processes * 40 }

  /// The number of different texts that are known at a time.
  ///
  /// - Parameter keepsCommandLines: Hundreds of processes share few cgroups and programs, and no command lines.
  func texts(keepsCommandLines: Bool) -> Int { keepsCommandLines ? processes * 2 : processes }

  /// The most bytes of one text or file that are kept.
  package var textLimit: Int { min(FlightLayout.longestText, ring / 64) }
}
