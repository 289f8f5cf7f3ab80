/// The texts that were last read of each process, by number in ``FlightTextTable``, and which process comes after which.
/// A map by process number, of 12 bytes an entry.
struct FlightProcesses: Sendable {
  struct Entry: Sendable {
    /// 0 where the slot is free.
    var pid: Int32 = 0
    /// The slot of the process that comes after it in the rows, or one of the two below.
    var next = FlightProcesses.isUnlisted
    /// By file (``FlightTextFile/isRemembered``); 0 where none is known.
    var texts = InlineArray<3, UInt16>(repeating: 0)
  }

  /// The process is in no row.
  static let isUnlisted: UInt16 = 0xFFFF
  /// The process's row is the last.
  static let isLast: UInt16 = 0xFFFE

  private var slots: [Entry]
  private(set) var count = 0

  /// - Parameter processes: The number of rows at most. As many processes again may be known beside them.
  init(processes: Int) {
    var size = 16
    while size < processes * 2 { size *= 2 }
    slots = [Entry](repeating: Entry(), count: size)
  }

  var capacity: Int { slots.capacity * MemoryLayout<Entry>.stride }
  /// The number of slots, free ones among them.
  var size: Int { slots.count }
  /// Whether one more process can be known. A quarter of the slots stays free.
  var hasRoom: Bool { count < slots.count / 4 * 3 }

  subscript(slot: Int) -> Entry {
    get { slots[slot] }
    set { slots[slot] = newValue }
  }

  private func home(_ pid: Int32) -> Int {
    let hash = UInt32(bitPattern: pid) &* 0x9E37_79B1
    return Int(hash >> 8) & (slots.count - 1)
  }

  func slot(of pid: Int32) -> Int? {
    var slot = home(pid)
    while slots[slot].pid != 0 {
      if slots[slot].pid == pid { return slot }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Returns the process's slot, and takes one where it has none; nil without room. A number below 1 is no process's.
  mutating func take(_ pid: Int32) -> Int? {
    if let slot = slot(of: pid) { return slot }
    guard hasRoom, pid > 0 else { return nil }
    var slot = home(pid)
    while slots[slot].pid != 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = Entry(pid: pid)
    count += 1
    return slot
  }

  /// Marks all as being in no row.
  mutating func unlistAll() {
    for slot in slots.indices { slots[slot].next = FlightProcesses.isUnlisted }
  }

  /// Forgets those that are in no row.
  mutating func removeUnlisted() {
    var slot = 0
    while slot < slots.count {
      if slots[slot].pid != 0, slots[slot].next == FlightProcesses.isUnlisted {
        remove(slot)
      } else {
        slot += 1
      }
    }
  }

  /// Frees a slot, and moves into it what was put behind it only because it was taken.
  private mutating func remove(_ slot: Int) {
    count -= 1
    var free = slot
    var other = slot
    while true {
      other = (other + 1) & (slots.count - 1)
      guard slots[other].pid != 0 else { break }
      let distance = (other - home(slots[other].pid)) & (slots.count - 1)
      guard distance >= (other - free) & (slots.count - 1) else { continue }
      slots[free] = slots[other]
      free = other
    }
    slots[free] = Entry()
  }
}
