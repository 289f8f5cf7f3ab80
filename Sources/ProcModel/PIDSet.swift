/// A set of process numbers, by open addressing. A slot takes 4 bytes, and at least half of the slots are free.
struct PIDSet: Sendable {
  /// The slots. 0 marks a free slot: no process has that number.
  private var slots: [Int32] = []
  private var count = 0

  func contains(_ pid: Int32) -> Bool {
    guard pid > 0, !slots.isEmpty else { return false }
    return slots[slot(of: pid)] == pid
  }

  /// Empties the set. Allocates where it has no room for so many members.
  mutating func removeAll(keepingRoomFor members: Int) {
    count = 0
    for index in slots.indices { slots[index] = 0 }
    var size = 64
    while size < members * 2 { size *= 2 }
    if size > slots.count { slots = [Int32](repeating: 0, count: size) }
  }

  /// Adds a member. Does nothing without the room that ``removeAll(keepingRoomFor:)`` makes.
  mutating func insert(_ pid: Int32) {
    guard pid > 0, (count + 1) * 2 <= slots.count else { return }
    let slot = slot(of: pid)
    if slots[slot] == 0 { count += 1 }
    slots[slot] = pid
  }

  /// Returns the slot where the number is, or would be put.
  private func slot(of pid: Int32) -> Int {
    var slot = Int(truncatingIfNeeded: IntegerMap.mix(UInt64(UInt32(bitPattern: pid)))) & (slots.count - 1)
    while slots[slot] != 0, slots[slot] != pid { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }
}
