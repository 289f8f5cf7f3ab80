import ProcModel

/// Which rows of a survey a flight tells: all, or where they are too many the largest by footprint.
///
/// The rows are not sorted. Their sizes are grouped, a quarter of a power of two in each group. The largest groups are
/// told whole, and of one group as many as there is room for, in the order of the survey.
struct FlightSelection {
  /// The least group of which rows are told, and the number of those.
  private var least = 0
  private var rows = Int.max

  /// All rows.
  init() {}

  /// - Parameters:
  ///   - groups: The number of rows, by group.
  ///   - rows: The number of rows that can be told.
  init(_ groups: borrowing FlightGroups, rows: Int) {
    least = FlightGroups.count - 1
    self.rows = rows
    while least > 0, groups[least] <= self.rows {
      self.rows -= groups[least]
      least -= 1
    }
  }

  /// Whether a row is told. To be asked of each row once, in order.
  mutating func takes(_ footprint: KiB) -> Bool {
    let group = FlightGroups.group(of: footprint)
    if group != least { return group > least }
    guard rows > 0 else { return false }
    rows -= 1
    return true
  }
}

/// The number of rows in each group of ``FlightSelection``.
struct FlightGroups {
  static let count = 64 * 4 + 1

  private var counts = InlineArray<257, UInt32>(repeating: 0)

  mutating func add(_ footprint: KiB) {
    counts[FlightGroups.group(of: footprint)] &+= 1
  }

  subscript(group: Int) -> Int { Int(counts[group]) }

  static func group(of footprint: KiB) -> Int {
    guard footprint > .zero else { return 0 }
    let zeros = footprint.count.leadingZeroBitCount
    let quarter = (footprint.count << UInt64(zeros)) >> 61 & 3
    return (63 - zeros) * 4 + Int(quarter) + 1
  }
}
