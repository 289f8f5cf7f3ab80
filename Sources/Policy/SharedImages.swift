import ProcModel

/// Reckons what the processes of a kill set share copy-on-write with each other and with no process that stays: it comes
/// back once the last of them is gone, and is in the footprint of none (``ForkFamilies``).
///
/// Linear in the number of processes. Allocates nothing once it has seen as many fork families in a kill set.
struct SharedImages: Sendable {
  /// By an image and what is kept of it.
  private var images: IntegerMap

  /// - Parameter capacity: Processes that need no further memory, where a quarter are in fork families of their own.
  init(capacity: Int) {
    images = IntegerMap(capacity: capacity / 4)
  }

  /// Takes, in calm time, what memory a table of this size may need.
  mutating func prepare(for table: ProcessTable) {
    images.reserve(table.count / 4)
  }

  private enum Of: UInt64 {
    /// The number of its processes in the kill set.
    case members = 0x6d65_6d62_6572_0000
    /// The number of its processes that share.
    case all = 0x616c_6c00_0000_0000
    /// The most that one of them shares.
    case shared = 0x7368_6172_6500_0000
  }

  mutating func shared(within killSet: KillSet, of table: ProcessTable) -> KiB {
    guard killSet.members.count > 1 else { return .zero }
    images.removeAll()
    var isAny = false
    for member in killSet.members where table.rows[Int(member.row)].forkShared > .zero {
      images.add(1, to: SharedImages.key(table.rows[Int(member.row)], .members))
      isAny = true
    }
    guard isAny else { return .zero }
    for row in table.rows.indices where table.rows[row].forkShared > .zero {
      let process = table.rows[row]
      guard images.value(for: SharedImages.key(process, .members)) != nil else { continue }
      images.add(1, to: SharedImages.key(process, .all))
      images.formMaximum(process.forkShared.count, at: SharedImages.key(process, .shared))
    }
    var sum = KiB.zero
    for member in killSet.members where table.rows[Int(member.row)].forkShared > .zero {
      let process = table.rows[Int(member.row)]
      let key = SharedImages.key(process, .members)
      if let members = images.value(for: key), members == images.value(for: SharedImages.key(process, .all)) {
        sum += KiB(images.value(for: SharedImages.key(process, .shared)) ?? 0)
        // Once for each image.
        images.set(key, to: 0)
      }
    }
    return sum
  }

  private static func key(_ process: ProcessFacts, _ of: Of) -> UInt64 { IntegerMap.mix(process.image ^ of.rawValue) }
}
