import ProcModel

/// The order in which processes that are known from calmer times are read for a decision: those that have to be, and then
/// the largest first. A heap, in memory that is taken in calm time.
struct ReadingOrder: Sendable {
  /// One known process.
  struct Item: Sendable {
    /// The index of its entry in the roster.
    var entry: UInt32
    /// Its footprint in KiB when it was last seen; ``ReadingOrder/must`` where it is read in any case.
    var size: UInt32
  }

  static let must = UInt32.max

  private var heap: [Item] = []

  /// Takes, in calm time, what memory so many processes need.
  mutating func prepare(for count: Int) {
    heap.removeAll(keepingCapacity: true)
    heap.reserveCapacity(count)
  }

  var capacity: Int { heap.capacity }
  /// Those that have yet to be read.
  var count: Int { heap.count }
  var first: Item? { heap.first }

  subscript(index: Int) -> Item { heap[index] }

  mutating func removeAll() {
    heap.removeAll(keepingCapacity: true)
  }

  /// Adds a process. The order is that of no heap until ``arrange()``.
  mutating func add(_ item: Item) {
    heap.append(item)
  }

  mutating func arrange() {
    for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  /// Takes the first.
  mutating func next() -> Item? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      sink(0)
    }
    return first
  }

  /// Has those read in any case of which `isDue` says so.
  ///
  /// - Returns: Whether there are any.
  mutating func promote(_ isDue: (Item) -> Bool) -> Bool {
    var isAny = false
    for index in heap.indices where isDue(heap[index]) {
      heap[index].size = ReadingOrder.must
      isAny = true
    }
    if isAny { arrange() }
    return isAny
  }

  private mutating func sink(_ start: Int) {
    var index = start
    while true {
      var largest = index
      for child in (2 * index + 1)...(2 * index + 2) where child < heap.count && heap[child].size > heap[largest].size {
        largest = child
      }
      if largest == index { return }
      heap.swapAt(index, largest)
      index = largest
    }
  }
}
