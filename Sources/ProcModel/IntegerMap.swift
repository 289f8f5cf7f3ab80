/// An open-addressed map from integers to integers. Emptying it takes constant time. It allocates only when it holds
/// more entries than ever before.
package struct IntegerMap: Sendable {
  private var keys: [UInt64]
  private var values: [UInt64]
  /// The generation in which each slot was filled. A slot is in use if that is the present generation.
  private var stamps: [UInt32]
  private var generation: UInt32 = 1
  private var count = 0
  /// 64 minus the binary logarithm of the number of slots. A hash shifted right by this gives the slot.
  private var shift: UInt64

  /// - Parameter capacity: The number of entries that fit without growing.
  package init(capacity: Int) {
    var bits: UInt64 = 4
    while bits < 40, 1 << bits < capacity * 2 {
      bits += 1
    }
    keys = [UInt64](repeating: 0, count: 1 << bits)
    values = [UInt64](repeating: 0, count: 1 << bits)
    stamps = [UInt32](repeating: 0, count: 1 << bits)
    shift = 64 - bits
  }

  /// Whether one more entry takes no memory.
  package var hasRoom: Bool { (count + 1) * 2 <= keys.count }

  /// Takes memory for so many entries in all, where it has less.
  package mutating func reserve(_ capacity: Int) {
    if capacity * 2 > keys.count { grow(to: capacity) }
  }

  package mutating func removeAll() {
    count = 0
    generation &+= 1
    if generation == 0 {
      // Slots that were filled 2³² generations ago would seem in use.
      for index in stamps.indices {
        stamps[index] = 0
      }
      generation = 1
    }
  }

  package func value(for key: UInt64) -> UInt64? {
    let slot = slot(for: key)
    return stamps[slot] == generation ? values[slot] : nil
  }

  package mutating func set(_ key: UInt64, to value: UInt64) {
    let slot = take(key)
    values[slot] = value
  }

  package mutating func add(_ amount: UInt64, to key: UInt64) {
    let slot = take(key)
    values[slot] &+= amount
  }

  package mutating func formMaximum(_ amount: UInt64, at key: UInt64) {
    let slot = take(key)
    values[slot] = max(values[slot], amount)
  }

  package mutating func formUnion(_ bits: UInt64, at key: UInt64) {
    let slot = take(key)
    values[slot] |= bits
  }

  /// Returns the key's slot. A free slot is taken, and holds zero.
  private mutating func take(_ key: UInt64) -> Int {
    if !hasRoom { grow(to: keys.count) }
    let slot = slot(for: key)
    if stamps[slot] != generation {
      stamps[slot] = generation
      keys[slot] = key
      values[slot] = 0
      count += 1
    }
    return slot
  }

  /// Returns the slot where the key is, or would be put. At least half of the slots are free, so the search ends.
  private func slot(for key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: IntegerMap.mix(key) >> shift)
    while stamps[slot] == generation, keys[slot] != key {
      slot = (slot + 1) & (keys.count - 1)
    }
    return slot
  }

  private mutating func grow(to capacity: Int) {
    var larger = IntegerMap(capacity: capacity)
    for slot in keys.indices where stamps[slot] == generation {
      larger.set(keys[slot], to: values[slot])
    }
    self = larger
  }

  /// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): neighbouring numbers end up far apart.
  package static func mix(_ number: UInt64) -> UInt64 {
    var bits = number
    bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
    return bits ^ bits >> 31
  }
}
