/// A set of process numbers by open addressing: 4 bytes a slot, at least half of the slots free.
struct PIDSet: Sendable {
  /// 0 is free: no process has it.
  private var slots: [Int32] = []
  private var count = 0

  func contains(_ pid: Int32) -> Bool {
    guard pid > 0, !slots.isEmpty else { return false }
    return slots[slot(of: pid)] == pid
  }

  /// Empties the set and takes, where it needs more, the memory for so many members.
  mutating func removeAll(keepingRoomFor members: Int) {
    count = 0
    for index in slots.indices { slots[index] = 0 }
    var size = 64
    while size < members * 2 { size *= 2 }
    if size > slots.count { slots = [Int32](repeating: 0, count: size) }
  }

  /// Adds a member; without room, which ``removeAll(keepingRoomFor:)`` takes, it does not.
  mutating func insert(_ pid: Int32) {
    guard pid > 0, (count + 1) * 2 <= slots.count else { return }
    let slot = slot(of: pid)
    if slots[slot] == 0 { count += 1 }
    slots[slot] = pid
  }

  /// Where the number is, or where it would be put.
  private func slot(of pid: Int32) -> Int {
    var slot = Int(truncatingIfNeeded: IntegerMap.mix(UInt64(UInt32(bitPattern: pid)))) & (slots.count - 1)
    while slots[slot] != 0, slots[slot] != pid { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }
}
