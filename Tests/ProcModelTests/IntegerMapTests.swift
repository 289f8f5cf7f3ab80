import Fixtures
import ProcModel
import Testing

/// The map compared with a dictionary.
@Suite struct IntegerMapTests {
  @Test(arguments: 1...4 as ClosedRange<UInt64>) func theMapAgreesWithADictionary(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    var map = IntegerMap(capacity: Int.random(in: 0...40, using: &numbers))
    var expected: [UInt64: UInt64] = [:]
    for step in 0..<20_000 {
      // Some numbers differ in their highest bits alone.
      let key = UInt64.random(in: 0...300, using: &numbers) << UInt64.random(in: 0...1, using: &numbers) * 55
      let value = UInt64.random(in: 0...1000, using: &numbers)
      switch Int.random(in: 0..<5, using: &numbers) {
      case 0:
        map.set(key, to: value)
        expected[key] = value
      case 1:
        map.add(value, to: key)
        expected[key, default: 0] += value
      case 2:
        map.formMaximum(value, at: key)
        expected[key] = max(expected[key] ?? 0, value)
      case 3:
        map.formUnion(value, at: key)
        expected[key] = (expected[key] ?? 0) | value
      default:
        map.reserve(Int(value))
      }
      #expect(map.value(for: key) == expected[key])
      if step % 4999 == 0 {
        for (key, value) in expected { #expect(map.value(for: key) == value) }
        map.removeAll()
        expected.removeAll()
        #expect(map.value(for: key) == nil)
      }
    }
    for (key, value) in expected { #expect(map.value(for: key) == value) }
  }

  @Test(arguments: [0, 1, 8, 9, 100, 1000]) func reservedEntriesFitWithoutAnAllocation(count: Int) {
    var map = IntegerMap(capacity: 0)
    map.set(7, to: 1)
    map.reserve(count + 1)
    for key in 0..<UInt64(count) {
      #expect(map.hasRoom)
      map.set(1000 + key, to: key)
    }
    #expect(map.value(for: 7) == 1)
  }
}
